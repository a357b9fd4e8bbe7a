/** Tokens of the API and of enrolment: made, listed, ended. A secret is shown once, and kept nowhere. */
import type { ComponentChildren, VNode } from "preact";
import { useState } from "preact/hooks";
import {
  type Answer,
  type ApiToken,
  call,
  type CallError,
  type EnrollmentToken,
  METHODS,
  type Role,
} from "../../api/index.ts";
import {
  Card,
  Dialog,
  Empty,
  Failure,
  Field,
  say,
  Shown,
  Table,
  Text,
  Time,
  useAll,
  valueIn,
} from "../../show/index.ts";
import { countText, printable, wordOf } from "../../text/index.ts";
import { readDuration, zoneName } from "../../time/index.ts";
import { labelsText, readLabels } from "./labels.ts";

const REQUEST = { pageSize: 500 };
const LABELS_WRONG = "allowed is key=value, key=value";
const TTL_WRONG = "allowed are 2h, 30d, 4w";

export function ApiTokens(): VNode {
  const asked = useAll(METHODS.listApiTokens, REQUEST, (page) => page.apiTokens);
  const [isMaking, setMaking] = useState(false);
  return (
    <Card
      flush
      title="API tokens"
      actions={
        <button type="button" class="button is-main" onClick={() => setMaking(true)}>
          New token…
        </button>
      }
    >
      <Shown asked={asked}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No API token">Programs that ask the API need one, or a certificate.</Empty>
          ) : (
            <Table
              caption={`API tokens, times in ${zoneName()}`}
              rows={items}
              keyOf={({ id = "" }) => id}
              columns={[
                { title: "For", cell: ({ displayName }) => <Text of={displayName} /> },
                { title: "Role", cell: ({ role }) => wordOf(role, "ROLE"), kind: "narrow" },
                { title: "Scope", cell: ({ scope }) => <Text of={labelsText(scope) || "all hosts"} /> },
                { title: "Made by", cell: ({ creator }) => <Text of={creator} /> },
                {
                  title: `Ends (${zoneName()})`,
                  cell: ({ expireTime }) => <Time value={expireTime} />,
                  kind: "narrow",
                },
                { title: "Id", cell: ({ id }) => <code>{id}</code>, kind: "narrow" },
                {
                  title: <span class="unseen">What can be done</span>,
                  cell: ({ id = "", displayName = "" }: ApiToken) => (
                    <EndButton
                      name={displayName}
                      onEnd={async () => await call(METHODS.deleteApiToken, { id })}
                      onDone={asked.again}
                    />
                  ),
                  kind: "narrow",
                },
              ]}
            />
          )
        }
      </Shown>
      {isMaking && <NewApiToken onClose={() => setMaking(false)} onDone={asked.again} />}
    </Card>
  );
}

export function EnrollmentTokens(): VNode {
  const asked = useAll(METHODS.listEnrollmentTokens, REQUEST, (page) => page.enrollmentTokens);
  const [isMaking, setMaking] = useState(false);
  return (
    <Card
      flush
      title="Enrolment tokens"
      actions={
        <button type="button" class="button is-main" onClick={() => setMaking(true)}>
          New token…
        </button>
      }
    >
      <Shown asked={asked}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No enrolment token">With one hosts enrol by themselves.</Empty>
          ) : (
            <Table
              caption={`Enrolment tokens, times in ${zoneName()}`}
              rows={items}
              keyOf={({ id = "" }) => id}
              columns={[
                { title: "Id", cell: ({ id }) => <code>{id}</code>, kind: "narrow" },
                {
                  title: "Hosts",
                  cell: ({ hostsEnrolled, hostsMax }) => `${countText(hostsEnrolled)} of ${countText(hostsMax)}`,
                  kind: "number",
                },
                { title: "Labels", cell: ({ labels }) => <Text of={labelsText(labels)} /> },
                { title: "Made by", cell: ({ creator }) => <Text of={creator} /> },
                {
                  title: `Ends (${zoneName()})`,
                  cell: ({ expireTime }) => <Time value={expireTime} />,
                  kind: "narrow",
                },
                {
                  title: <span class="unseen">What can be done</span>,
                  cell: ({ id = "" }: EnrollmentToken) => (
                    <EndButton
                      name={id}
                      onEnd={async () => await call(METHODS.deleteEnrollmentToken, { id })}
                      onDone={asked.again}
                    />
                  ),
                  kind: "narrow",
                },
              ]}
            />
          )
        }
      </Shown>
      {isMaking && <NewEnrollmentToken onClose={() => setMaking(false)} onDone={asked.again} />}
    </Card>
  );
}

/** Ends a token at the second click, so that a slip ends none. */
function EndButton({
  name,
  onEnd,
  onDone,
}: {
  name: string;
  onEnd: () => Promise<Answer<unknown>>;
  onDone: () => void;
}): VNode {
  const [isSure, setSure] = useState(false);
  const end = async (): Promise<void> => {
    const { error } = await onEnd();
    if (error !== undefined) return say(`Not ended: ${error.message}`, true);
    say("Ended");
    onDone();
  };
  return (
    <button
      type="button"
      class="button is-small is-bad"
      aria-label={`${isSure ? "Really end" : "End"} ${printable(name)}`}
      onClick={() => (isSure ? void end() : setSure(true))}
      onBlur={() => setSure(false)}
    >
      {isSure ? "Really?" : "End"}
    </button>
  );
}

interface NewProps {
  onClose: () => void;
  onDone: () => void;
}

function NewApiToken({ onClose, onDone }: NewProps): VNode {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [scope, setScope] = useState("");
  const [ttl, setTtl] = useState("30d");
  const [labels, ttlMs] = [readLabels(scope), readDuration(ttl)];
  const isReady = name.trim() !== "" && labels !== undefined && ttlMs !== undefined;
  return (
    <MakeDialog
      title="New API token"
      isReady={isReady}
      onClose={onClose}
      onDone={onDone}
      make={async () => {
        const { value, error } = await call(METHODS.createApiToken, {
          displayName: name.trim(),
          role: `ROLE_${role.toUpperCase()}` as NonNullable<ApiToken["role"]>,
          scope: labels ?? {},
          ttlSeconds: String(Math.round((ttlMs ?? 0) / 1000)),
        });
        return error === undefined ? { value: value.token ?? "" } : { error };
      }}
    >
      <Field label="What it is for">
        {(attributes) => (
          <input
            {...attributes}
            type="text"
            maxLength={128}
            value={name}
            onInput={(event) => setName(valueIn(event))}
          />
        )}
      </Field>
      <Field label="Role">
        {(attributes) => (
          <select {...attributes} value={role} onChange={(event) => setRole(valueIn(event) as Role)}>
            <option value="viewer">viewer: asks</option>
            <option value="responder">responder: also acts in an incident</option>
            <option value="admin">admin: also gives access</option>
          </select>
        )}
      </Field>
      <LabelsField
        label="Only hosts with these labels"
        hint="Empty: all hosts"
        placeholder="env=prod"
        labels={scope}
        onLabels={setScope}
      />
      <TtlField ttl={ttl} onTtl={setTtl} />
    </MakeDialog>
  );
}

function NewEnrollmentToken({ onClose, onDone }: NewProps): VNode {
  const [hosts, setHosts] = useState("20");
  const [labels, setLabels] = useState("");
  const [ttl, setTtl] = useState("1h");
  const [read, ttlMs, count] = [readLabels(labels), readDuration(ttl), Number(hosts)];
  const isCount = Number.isInteger(count) && count >= 1 && count <= 100_000;
  return (
    <MakeDialog
      title="New enrolment token"
      isReady={isCount && read !== undefined && ttlMs !== undefined}
      onClose={onClose}
      onDone={onDone}
      make={async () => {
        const { value, error } = await call(METHODS.createEnrollmentToken, {
          hostsMax: count,
          labels: read ?? {},
          ttlSeconds: String(Math.round((ttlMs ?? 0) / 1000)),
        });
        return error === undefined ? { value: value.token ?? "" } : { error };
      }}
    >
      <Field label="Hosts that may enrol" error={isCount ? undefined : "allowed is a whole number from 1 to 100000"}>
        {(attributes) => (
          <input
            {...attributes}
            type="text"
            inputMode="numeric"
            value={hosts}
            onInput={(event) => setHosts(valueIn(event))}
          />
        )}
      </Field>
      <LabelsField
        label="Labels that they get"
        hint="Scopes go by them"
        placeholder="env=prod, role=web"
        labels={labels}
        onLabels={setLabels}
      />
      <TtlField ttl={ttl} onTtl={setTtl} />
    </MakeDialog>
  );
}

interface LabelsFieldProps {
  label: string;
  hint: string;
  placeholder: string;
  /** As typed. */
  labels: string;
  onLabels: (labels: string) => void;
}

function LabelsField({ label, hint, placeholder, labels, onLabels }: LabelsFieldProps): VNode {
  return (
    <Field label={label} hint={hint} error={readLabels(labels) === undefined ? LABELS_WRONG : undefined}>
      {(attributes) => (
        <input
          {...attributes}
          type="text"
          placeholder={placeholder}
          value={labels}
          onInput={(event) => onLabels(valueIn(event))}
        />
      )}
    </Field>
  );
}

function TtlField({ ttl, onTtl }: { ttl: string; onTtl: (ttl: string) => void }): VNode {
  return (
    <Field label="For how long" error={readDuration(ttl) === undefined ? TTL_WRONG : undefined}>
      {(attributes) => <input {...attributes} type="text" value={ttl} onInput={(event) => onTtl(valueIn(event))} />}
    </Field>
  );
}

interface MakeDialogProps extends NewProps {
  title: string;
  isReady: boolean;
  /** Gives the secret. */
  make: () => Promise<Answer<string>>;
  children: ComponentChildren;
}

function MakeDialog({ title, isReady, make, onClose, onDone, children }: MakeDialogProps): VNode {
  const [secret, setSecret] = useState<string>();
  const [error, setError] = useState<CallError>();
  if (secret !== undefined)
    return (
      <Dialog title="The token" onClose={onClose}>
        <p>It is shown here once, and nowhere again.</p>
        <pre class="source" tabIndex={0}>
          {secret}
        </pre>
        <div class="dialog-actions">
          <button
            type="button"
            class="button"
            onClick={() => void navigator.clipboard.writeText(secret).then(() => say("Copied"))}
          >
            Copy
          </button>
          <button type="button" class="button is-main" onClick={onClose}>
            Done
          </button>
        </div>
      </Dialog>
    );
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!isReady) return;
          void make().then((answer) => {
            setError(answer.error);
            setSecret(answer.value);
            if (answer.error === undefined) onDone();
          });
        }}
      >
        {children}
        {error !== undefined && <Failure error={error} />}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button is-main" disabled={!isReady}>
            Make it
          </button>
        </div>
      </form>
    </Dialog>
  );
}
