/** Logging in: the page of it, and the dialog over a page whose session ended. */
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Door, logIn, standing } from "../api/index.ts";
import { go, place } from "../route/index.ts";
import { Field, say, valueIn } from "../show/index.ts";

/** The ways in that this collector has. `to` is where the identity provider leads back. */
export function Ways({ door, to }: { door: Door; to: string }): VNode {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const attempt = async (way: "token" | "certificate", body: Readonly<Record<string, string>>): Promise<void> => {
    setBusy(true);
    setProblem(await logIn(way, body));
    setBusy(false);
  };
  const { ways, provider } = door;
  return (
    <>
      {ways.includes("provider") && (
        <a class="button is-main is-wide" href={`/login/provider?to=${encodeURIComponent(to)}`}>
          Continue with {provider || "your identity provider"}
        </a>
      )}
      {ways.includes("provider") && ways.length > 1 && <p class="divider">or</p>}
      {ways.includes("token") && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (token.trim() !== "") void attempt("token", { token: token.trim() });
          }}
        >
          <Field label="API token" hint="hosttrail api-token create makes one" error={problem}>
            {(attributes) => (
              <input
                {...attributes}
                type="password"
                autocomplete="off"
                spellcheck={false}
                value={token}
                onInput={(event) => setToken(valueIn(event))}
              />
            )}
          </Field>
          <button type="submit" class="button is-wide is-main" disabled={isBusy || token.trim() === ""}>
            Log in
          </button>
        </form>
      )}
      {ways.includes("certificate") && (
        <button type="button" class="button is-wide" disabled={isBusy} onClick={() => void attempt("certificate", {})}>
          Use this browser's certificate
        </button>
      )}
      {!ways.includes("token") && problem !== undefined && <p class="hint is-error">{problem}</p>}
      {ways.length === 0 && <p class="hint">This collector lets nobody in by a browser: see docs/console.md.</p>}
    </>
  );
}

/** Why the identity provider let nobody in, as the collector says it in the link. */
const ERRORS: Readonly<Record<string, string>> = {
  provider_unavailable: "The identity provider does not answer. Try again in a moment.",
  refused: "The identity provider did not let you in.",
  expired: "That took too long, or was begun in another tab. Try again.",
  unknown: "The identity provider knows you, and no role is bound to you here: ask an administrator.",
  busy: "Too many attempts from your address. Wait a minute.",
  unavailable: "The collector's database is away. Try again in a moment.",
};

function errorOf(query: URLSearchParams): string | undefined {
  const word = query.get("error");
  return word === null ? undefined : (ERRORS[word] ?? "Logging in did not work.");
}

/** The page, for who is not logged in. A one-time link has its code behind the "#", where no log and no referrer has it. */
export function LoginPage({ door }: { door: Door }): VNode {
  const [problem, setProblem] = useState<string | undefined>(() => errorOf(place.value.query));
  useEffect(() => {
    document.title = "Log in · Hosttrail";
    const code = location.hash.slice(1);
    if (place.value.path !== "/login" || code === "") return;
    // It is used once, whatever comes of it: nobody finds it in the history.
    history.replaceState(null, "", "/login");
    void logIn("link", { code }).then((failure) => {
      setProblem(failure);
      // Somebody may have sent a link of their own: whom it let in is said.
      if (standing.value.state === "in") say(`You are logged in as ${standing.value.session.caller}`);
    });
  }, []);
  const to = place.value.path === "/login" ? "/" : `${location.pathname}${location.search}`;
  return (
    <main class="login">
      <div class="login-card">
        <h1 class="brand">
          <img src="/icon.svg" alt="" />
          Hosttrail
        </h1>
        <p class="soft">A complete, provable trail of what happened on every host.</p>
        {problem !== undefined && (
          <p class="hint is-error" role="alert">
            {problem}
          </p>
        )}
        <Ways door={door} to={to} />
      </div>
    </main>
  );
}

/** Once somebody is in, the page of the login leads to the first one. */
export function leaveLogin(): void {
  if (standing.value.state === "in" && place.value.path === "/login") go("/");
}
