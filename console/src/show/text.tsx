/** Text that came from elsewhere: of events, hosts and people. Its author may be who is looked for. */
import type { VNode } from "preact";
import { stretchesOf } from "@hosttrail/lib/text";

/** Longer ones are cut, and say so. Characters. */
const LENGTH_MAX = 20_000;

/**
 * Shown as text nodes alone, with every character that cannot be seen spelled and marked, and in a direction of its own, so that it can
 * neither turn nor hide what stands beside it.
 */
export function Text({ of: text, max = LENGTH_MAX }: { of: string | undefined; max?: number }): VNode {
  const whole = text ?? "";
  const shown = whole.length > max ? whole.slice(0, max) : whole;
  return (
    <bdi class="text">
      {stretchesOf(shown).map(({ text: part, isSpelled }) =>
        isSpelled ? (
          <span class="spelled" title="a character that cannot be seen">
            {part}
          </span>
        ) : (
          part
        ),
      )}
      {shown.length < whole.length && <span class="spelled">… {whole.length - shown.length} more</span>}
    </bdi>
  );
}
