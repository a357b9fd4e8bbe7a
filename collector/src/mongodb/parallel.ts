/** Many small questions at once, but not too many: FerretDB 1.24 finds one document by its `_id` quickly, and several of them not. */
const AT_ONCE = 16;

/** Gives the answers in the order of the items. Throws what the first that failed threw, after all that began have ended. */
export async function inParallel<Item, Answer>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      answers[index] = await ask(items[index] as Item);
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: Math.min(AT_ONCE, items.length) }, work));
  for (const worker of workers) if (worker.status === "rejected") throw worker.reason;
  return answers;
}
