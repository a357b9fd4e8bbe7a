/** Searches that are kept under a name, and the link to this one. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { call, type CallError, mayAct, METHODS } from "../../api/index.ts";
import { go, linkTo } from "../../route/index.ts";
import { Dialog, Empty, Failure, Field, say, Shown, Text, useAnswer, valueIn } from "../../show/index.ts";
import { rangeText, readDuration } from "../../time/index.ts";
import type { Asked } from "./asked.ts";

export function Saved({ asked }: { asked: Asked }): VNode {
  const [dialog, setDialog] = useState<"open" | "save">();
  const copy = (): void => {
    navigator.clipboard.writeText(location.href).then(
      () => say("Link copied: whoever opens it sees the same, as far as they may"),
      () => say("This browser does not let the link be copied; it is the page's address", true),
    );
  };
  return (
    <>
      <button type="button" class="button" onClick={() => setDialog("open")}>
        Saved…
      </button>
      {mayAct("responder") && (
        <button type="button" class="button" onClick={() => setDialog("save")}>
          Save…
        </button>
      )}
      <button type="button" class="button" onClick={copy}>
        Copy link
      </button>
      {dialog === "open" && <OpenDialog onClose={() => setDialog(undefined)} />}
      {dialog === "save" && <SaveDialog asked={asked} onClose={() => setDialog(undefined)} />}
    </>
  );
}

const LIST = { pageSize: 200 };

function OpenDialog({ onClose }: { onClose: () => void }): VNode {
  const asked = useAnswer(METHODS.listSavedQueries, LIST);
  return (
    <Dialog title="Saved searches" onClose={onClose}>
      <Shown asked={asked}>
        {({ queries = [] }) => {
          const searches = queries.filter(({ search }) => search !== undefined);
          if (searches.length === 0)
            return <Empty title="None is saved yet">Save keeps this search for everybody.</Empty>;
          return (
            <ul class="next">
              {searches.map(({ name = "", description, search, sinceSeconds }) => (
                <li key={name}>
                  <a
                    href={linkTo("/search", {
                      q: search?.filter,
                      from: sinceSeconds === undefined ? search?.startTime : `${sinceSeconds}s`,
                      to: search?.endTime,
                      host: search?.hostId,
                    })}
                    onClick={onClose}
                  >
                    <strong>{name}</strong> <Text of={description} />
                    <br />
                    <Text of={search?.filter} max={200} />
                  </a>
                </li>
              ))}
            </ul>
          );
        }}
      </Shown>
    </Dialog>
  );
}

function SaveDialog({ asked: { filter, range, host, order }, onClose }: { asked: Asked; onClose: () => void }): VNode {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [error, setError] = useState<CallError>();
  const isName = /^[a-z][a-z0-9-]{0,63}$/.test(name);
  const save = async (): Promise<void> => {
    const sinceMs = readDuration(range.from);
    const answer = await call(METHODS.putSavedQuery, {
      query: {
        name,
        description,
        search: {
          filter,
          hostId: host,
          orderBy: order,
          ...(sinceMs === undefined && range.from !== "" && { startTime: range.from }),
          ...(range.to !== "" && readDuration(range.to) === undefined && { endTime: range.to }),
        },
        ...(sinceMs !== undefined && { sinceSeconds: String(sinceMs / 1000) }),
      },
    });
    setError(answer.error);
    if (answer.error !== undefined) return;
    say(`Saved as ${name}`);
    onClose();
    go(location.pathname + location.search);
  };
  return (
    <Dialog title="Save this search" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isName) void save();
        }}
      >
        <p class="soft">
          <Text of={filter || "every event"} max={300} />, {rangeText(range)}
        </p>
        <Field label="Name" hint="a-z, 0-9 and -, a letter first; one that is there is replaced">
          {(attributes) => (
            <input {...attributes} type="text" value={name} onInput={(event) => setName(valueIn(event))} />
          )}
        </Field>
        <Field label="What it answers">
          {(attributes) => (
            <input
              {...attributes}
              type="text"
              value={description}
              onInput={(event) => setDescription(valueIn(event))}
            />
          )}
        </Field>
        {error !== undefined && <Failure error={error} />}
        <div class="dialog-actions">
          <button type="submit" class="button is-main" disabled={!isName}>
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}
