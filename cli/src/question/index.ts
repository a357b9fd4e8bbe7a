/** What commands ask about: hosts, times, what answering may take; and what an answer lacks. */
export { type About, askedHosts, oneHost, scopeOf, type Scope, timeAt } from "./scope.ts";
export { parseBudget } from "./budget.ts";
export { lookedAt, tellLack } from "./lack.ts";
