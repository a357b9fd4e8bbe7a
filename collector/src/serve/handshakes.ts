/**
 * Begins handshakes a few at a time. When thousands of agents come at once, as after a restart, a process that began with all of them would
 * end none within its time, give all up, and begin with all of them again. So those that have begun go on before others begin; nobody holds a
 * place by being slow. How many wait is bounded by whoever lets connections in.
 */

/** Handshakes that begin in one turn of the event loop: some 30 ms of work. */
const BEGIN_MAX = 16;

export class Handshakes<Connection> {
  readonly #begin: (connection: Connection) => void;
  /** In the order in which they came; those before `#next` have begun. */
  #waiting: Connection[] = [];
  #next = 0;

  constructor(begin: (connection: Connection) => void) {
    this.#begin = begin;
  }

  add(connection: Connection): void {
    this.#waiting.push(connection);
    if (this.#waiting.length === 1) setImmediate(() => this.#turn());
  }

  /** Between two of these the event loop reads what came from those that have begun. */
  #turn(): void {
    const begun = this.#waiting.slice(this.#next, this.#next + BEGIN_MAX);
    this.#next += begun.length;
    if (this.#next < this.#waiting.length) setImmediate(() => this.#turn());
    else {
      this.#waiting = [];
      this.#next = 0;
    }
    for (const connection of begun) this.#begin(connection);
  }
}
