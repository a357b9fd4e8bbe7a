/** Text that came from elsewhere: of events, hosts and people. Its author may be who is looked for. */
import { stretchesOf } from "@hosttrail/lib/text";
import type { VNode } from "preact";

/** Longer ones are cut, and say so. Characters. */
const LENGTH_MAX = 20_000;

interface TextProps {
  of: string | undefined;
  /** Characters that are shown at most. */
  max?: number;
  /** Its ends of lines and tabs are what they are: of texts that are written in lines. */
  lines?: boolean;
}

/**
 * Shown as text nodes alone, with every character that cannot be seen spelled and marked, and in a direction of its own, so that it can
 * neither turn nor hide what stands beside it.
 */
export function Text({ of: text = "", max = LENGTH_MAX, lines = false }: TextProps): VNode {
  const shown = text.length > max ? text.slice(0, max) : text;
  return (
    <bdi class={lines ? "text is-lines" : "text"}>
      {lines ? (
        shown
          .trimEnd()
          .split(/(\r?\n|\t)/)
          .map((part, at) => (at % 2 === 1 ? part : <Stretches key={at} of={part} />))
      ) : (
        <Stretches of={shown} />
      )}
      {shown.length < text.length && <span class="spelled">… {text.length - shown.length} more</span>}
    </bdi>
  );
}

function Stretches({ of }: { of: string }): VNode {
  return (
    <>
      {stretchesOf(of).map(({ text, isSpelled }, at) =>
        isSpelled ? (
          <span key={at} class="spelled" title="a character that cannot be seen">
            {text}
          </span>
        ) : (
          text
        ),
      )}
    </>
  );
}
