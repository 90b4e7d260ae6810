/** How often something may be had: so many times at once, and one more each time that passes. */
export class Allowance {
  private readonly most: number;
  private readonly everyUs: number;
  private left: number;
  private sinceUs: number;

  constructor(most: number, everyUs: number, nowUs: number) {
    this.most = most;
    this.everyUs = everyUs;
    this.left = most;
    this.sinceUs = nowUs;
  }

  /** False: not now. */
  take(nowUs: number): boolean {
    const more = Math.floor((nowUs - this.sinceUs) / this.everyUs);
    if (more > 0) {
      this.sinceUs += more * this.everyUs;
      this.left = Math.min(this.left + more, this.most);
    }
    if (this.left === 0) return false;
    this.left--;
    return true;
  }
}
