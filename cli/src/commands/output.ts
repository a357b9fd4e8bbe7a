/** Where commands write. */
export interface Output {
  /** One JSON object a line, for programs. */
  json: boolean;
  print: (text: string) => void;
  /** Tells that what was printed is not all: to people, and by the exit status. */
  lack: (text: string) => void;
}
