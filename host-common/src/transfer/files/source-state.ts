/** One of those whom a file comes from, as an application is told of it. */
export interface SourceState {
  /** Who it is: of a node its peer ID as text. */
  name: string;
  /** It is asked for what is missing; false: it has gone, or was dropped. */
  isAsked: boolean;
  /** Chunks that came from it and were kept, and their bytes. */
  chunks: number;
  bytes: number;
  /** Why it has gone, where that is told. */
  error?: unknown;
}
