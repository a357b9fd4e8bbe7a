/** Where commands write. */
export interface Output {
  /** One JSON object a line, for programs. */
  json: boolean;
  print: (text: string) => void;
}
