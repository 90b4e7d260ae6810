/** Waits until it is so; for ever, if it never is: the test's own time ends that. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}
