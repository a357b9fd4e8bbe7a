/** Lines of JSON out of pieces of bytes, as they come. */

/** A line that is longer is no answer of the collector's. Characters. */
const LINE_LENGTH_MAX = 64 * 1024 * 1024;

/** Takes pieces and gives the lines that are whole. Throws a SyntaxError for what is no JSON, and a RangeError for a line beyond all bounds. */
export class JsonLines {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  readonly #parts: string[] = [];
  #length = 0;

  push(bytes: Uint8Array): unknown[] {
    const pieces = this.#decoder.decode(bytes, { stream: true }).split("\n");
    const values: unknown[] = [];
    for (const [at, piece] of pieces.entries()) {
      this.#length += piece.length;
      if (this.#length > LINE_LENGTH_MAX)
        throw new RangeError(`a line of an answer has more than ${LINE_LENGTH_MAX} characters`);
      this.#parts.push(piece);
      if (at === pieces.length - 1) break;
      const line = this.#parts.splice(0).join("");
      this.#length = 0;
      if (line.trim() !== "") values.push(JSON.parse(line));
    }
    return values;
  }
}
