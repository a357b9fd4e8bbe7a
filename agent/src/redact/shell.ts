/** A command line as a shell reads it: simple commands, their words without quotes, and what is written to their standard input. */

/** A word without its quotes, and where in the line each of its signs stands. */
export interface Word {
  text: string;
  /** One more than the text has signs: the last is where the word ends. */
  places: number[];
}

/** A simple command. */
export interface Command {
  words: Word[];
  /** What `<<<` gives to it. */
  given: Word[];
  /** Files that its output goes to. */
  outputs: string[];
  /** The commands whose output it reads. */
  readsFrom: Command[];
}

const COMMANDS_MAX = 256;

/** Splits a line. What is not closed, as in a line that was cut, ends where the line ends. */
export function commandsOf(line: string): Command[] {
  return new Reader(line).read();
}

function newCommand(): Command {
  return { words: [], given: [], outputs: [], readsFrom: [] };
}

class Reader {
  readonly #line: string;
  readonly #commands: Command[] = [newCommand()];
  /** Of each open bracket, how many commands stood before it. */
  readonly #brackets: number[] = [];
  #text = "";
  #places: number[] = [];
  /** Also of an empty word in quotes. */
  #open = false;
  /** What the next word is, after a redirection's sign. */
  #next: "word" | "given" | "output" | "input" = "word";
  #group: Command[] = [];

  constructor(line: string) {
    this.#line = line;
  }

  read(): Command[] {
    const line = this.#line;
    let quote = "";
    for (let at = 0; at < line.length; at++) {
      const sign = line[at] ?? "";
      if (quote !== "") {
        if (sign === quote) quote = "";
        else if (sign === "\\" && quote === '"' && '"\\$`'.includes(line[at + 1] ?? " ")) this.#add(++at);
        else this.#add(at);
      } else if (sign === "'" || sign === '"') {
        quote = sign;
        this.#open = true;
      } else if (sign === "\\" && at + 1 < line.length) this.#add(++at);
      else if (sign === " " || sign === "\t") this.#end(at);
      else if (sign === "<" || sign === ">") at = this.#redirect(at);
      else if (";|&()`\n\r".includes(sign)) at = this.#divide(at);
      else this.#add(at);
    }
    this.#end(line.length);
    return this.#commands;
  }

  get #command(): Command {
    return this.#commands.at(-1) as Command;
  }

  #add(at: number): void {
    this.#open = true;
    this.#text += this.#line[at] ?? "";
    this.#places.push(at);
  }

  #end(at: number): void {
    if (!this.#open) return;
    const word = { text: this.#text, places: [...this.#places, at] };
    const command = this.#command;
    if (this.#next === "word") command.words.push(word);
    else if (this.#next === "given") command.given.push(word);
    else if (this.#next === "output") command.outputs.push(word.text);
    this.#reset();
  }

  #reset(): void {
    this.#text = "";
    this.#places = [];
    this.#open = false;
    this.#next = "word";
  }

  /** `2>file`, `<file`, `<<<word`: neither the sign nor the file is an argument. */
  #redirect(at: number): number {
    // The number of what is redirected belongs to the sign.
    if (/^\d+$/.test(this.#text)) this.#reset();
    this.#end(at);
    const sign = this.#line[at] ?? "";
    let end = at;
    while (this.#line[end + 1] === sign && end - at < 2) end++;
    this.#next = sign === ">" ? "output" : end - at === 2 ? "given" : "input";
    // `>&2` and `>|file`; a bracket is a command's, as in `<(cat file)`.
    if (this.#line[end + 1] === "&" || this.#line[end + 1] === "|") end++;
    return end;
  }

  #divide(at: number): number {
    const line = this.#line;
    const sign = line[at] ?? "";
    // `&>file`
    if (sign === "&" && line[at + 1] === ">") return at;
    this.#end(at);
    this.#next = "word";
    const doubled = line[at + 1] === sign && (sign === "|" || sign === "&");
    if (sign === "(") this.#brackets.push(this.#commands.length);
    const group = sign === ")" ? this.#commands.slice(this.#brackets.pop() ?? this.#commands.length - 1) : [];
    const before = this.#group.length > 0 && this.#command.words.length === 0 ? this.#group : [this.#command];
    if (this.#commands.length < COMMANDS_MAX) {
      this.#commands.push(newCommand());
      if (sign === "|" && !doubled) this.#command.readsFrom = before;
    }
    this.#group = group;
    return doubled || (sign === "|" && line[at + 1] === "&") ? at + 1 : at;
  }
}
