/** Who is asked: Sieve of lib/sieve. */
export interface SieveAnswers {
  mayHaveTerm(field: string, value: string): boolean;
  mayHavePart(group: number, part: string): boolean;
}
