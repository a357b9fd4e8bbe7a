/** The whole console: navigation, the page of the place, and what lies over it. */
import type { FunctionComponent, VNode } from "preact";
import { useEffect, useErrorBoundary, useLayoutEffect, useRef, useState } from "preact/hooks";
import { askSession, isLoginAsked, logOut, type Session, standing } from "../api/index.ts";
import { matchRoute, type PageProps, place, visits } from "../route/index.ts";
import { Dialog, Empty, Failure, Loading, SLOW_MS, Text, Toasts } from "../show/index.ts";
import { agoText, msOf, setZone, zone, zoneName } from "../time/index.ts";
import { KEY_LINES, listenToKeys } from "./keys.ts";
import { leaveLogin, LoginPage, Ways } from "./login.tsx";
import { type LoadPage, navOfCaller, ROUTES } from "./pages.ts";
import { Palette } from "./palette.tsx";
import { theme, turnTheme } from "./theme.ts";

/** How often a collector that is away is asked again. */
const AGAIN_MS = 3000;

export function Console(): VNode {
  const now = standing.value;
  useEffect(leaveLogin, [now.state]);
  useEffect(() => {
    if (now.state !== "unreachable") return undefined;
    const timer = setInterval(() => void askSession(), AGAIN_MS);
    return () => clearInterval(timer);
  }, [now.state]);
  switch (now.state) {
    case "unknown":
      return <main class="login" aria-busy="true" aria-label="Hosttrail" />;
    case "unreachable":
      return (
        <main class="login">
          <div class="login-card">
            <h1 class="brand">Hosttrail</h1>
            <p role="status">{now.message}; trying again every few seconds.</p>
          </div>
        </main>
      );
    case "out":
      return <LoginPage door={now.door} />;
    default:
      return <Shell session={now.session} />;
  }
}

type Overlay = "palette" | "keys" | undefined;

function Shell({ session }: { session: Session }): VNode {
  const [overlay, setOverlay] = useState<Overlay>();
  const [isMenuOpen, setMenuOpen] = useState(false);
  // With what is drawn, and not after it: the next key may come before.
  useLayoutEffect(
    () =>
      listenToKeys({
        palette: () => setOverlay("palette"),
        help: () => setOverlay("keys"),
        theme: turnTheme,
        zone: () => setZone(zone.value === "utc" ? "local" : "utc"),
      }),
    [],
  );
  useEffect(() => setMenuOpen(false), [place.value.path]);
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        To the content
      </a>
      <div class="shell">
        <Side session={session} isOpen={isMenuOpen} />
        <Top
          session={session}
          isMenuOpen={isMenuOpen}
          onMenu={() => setMenuOpen(!isMenuOpen)}
          onPalette={() => setOverlay("palette")}
        />
        <main class="main" id="main" tabIndex={-1}>
          <PageOfPlace />
        </main>
      </div>
      {overlay === "palette" && <Palette onClose={() => setOverlay(undefined)} />}
      {overlay === "keys" && <Keys onClose={() => setOverlay(undefined)} />}
      {isLoginAsked.value && <LoginAgain session={session} />}
      <Toasts />
    </>
  );
}

function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function Side({ session, isOpen }: { session: Session; isOpen: boolean }): VNode {
  const { path } = place.value;
  return (
    <nav class={isOpen ? "side is-open" : "side"} aria-label="Pages" id="side">
      <a class="brand" href="/">
        <img src="/icon.svg" alt="" />
        Hosttrail
      </a>
      {navOfCaller().map(([title, entries]) => (
        <div key={title}>
          <p class="side-title">{title}</p>
          {entries.map(({ title: name, href, icon }) => (
            <a key={href} class="nav" href={href} aria-current={isWithin(path, href) ? "page" : undefined}>
              <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
                <path d={icon} />
              </svg>
              {name}
            </a>
          ))}
        </div>
      ))}
      <p class="side-foot">
        Version {session.version}
        <br />
        <ScopeText session={session} />
      </p>
    </nav>
  );
}

function isWithin(path: string, href: string): boolean {
  return href === "/"
    ? path === "/"
    : path === href || path.startsWith(`${href}/`) || (href === "/hosts" && path === "/tree");
}

function ScopeText({ session }: { session: Session }): VNode {
  const labels = Object.entries(session.scope).map(([key, value]) => `${key}=${value}`);
  return labels.length === 0 ? (
    <>All hosts</>
  ) : (
    <>
      Only hosts with <Text of={labels.join(", ")} />
    </>
  );
}

interface TopProps {
  session: Session;
  isMenuOpen: boolean;
  onMenu: () => void;
  onPalette: () => void;
}

function Top({ session, isMenuOpen, onMenu, onPalette }: TopProps): VNode {
  return (
    <header class="top">
      <button
        type="button"
        class="button is-quiet menu-button"
        aria-label="Pages"
        aria-expanded={isMenuOpen}
        aria-controls="side"
        onClick={onMenu}
      >
        ☰
      </button>
      <button type="button" class="button palette-button" onClick={onPalette}>
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
          <path d="M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 1 0 0-9M10.4 10.4 14 14" />
        </svg>
        Go to or search…
        <kbd class="push">Ctrl K</kbd>
      </button>
      <span class="push" />
      <button
        type="button"
        class="button is-quiet"
        title={`Times are in ${zoneName()}`}
        onClick={() => setZone(zone.value === "utc" ? "local" : "utc")}
      >
        {zoneName()}
      </button>
      <button
        type="button"
        class="button is-quiet"
        aria-label={`Theme: ${theme.value}`}
        title={`Theme: ${theme.value}`}
        onClick={turnTheme}
      >
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
          <circle cx="8" cy="8" r="5.6" />
          <path d="M8 2.4v11.2a5.6 5.6 0 0 0 0-11.2z" fill="currentColor" />
        </svg>
      </button>
      <span class="soft small only-wide" title={`Ends ${agoText(msOf(session.expires) ?? 0, Date.now())}`}>
        <Text of={session.caller} max={48} /> · {session.role}
      </span>
      <button type="button" class="button is-small" onClick={() => void logOut()}>
        Log out
      </button>
    </header>
  );
}

/** Keeps what is on the page, whatever was typed there. */
function LoginAgain({ session }: { session: Session }): VNode {
  const { value } = standing;
  const door = "door" in value ? value.door : { ways: session.ways, provider: "" };
  // The provider's page would take this one away: it is opened beside it, and this page looks whether somebody came in there.
  useEffect(() => {
    const look = (): void => void askSession();
    addEventListener("focus", look);
    return () => removeEventListener("focus", look);
  }, []);
  return (
    <Dialog title="Your session has ended" isForced onClose={() => undefined}>
      <p>Log in to go on. What you typed is still there.</p>
      {door.ways.includes("provider") && (
        <p class="row">
          <a class="button is-main" href="/login/provider?to=/" target="_blank" rel="noreferrer">
            Log in in a new tab
          </a>
          <button type="button" class="button" onClick={() => void askSession()}>
            Go on
          </button>
        </p>
      )}
      <Ways door={{ ...door, ways: door.ways.filter((way) => way !== "provider") }} to="/" />
    </Dialog>
  );
}

function Keys({ onClose }: { onClose: () => void }): VNode {
  const pages = navOfCaller().flatMap(([, entries]) =>
    entries.map(({ title, key }) => ({ keys: ["g", key], what: title })),
  );
  return (
    <Dialog title="Keys" onClose={onClose}>
      <div class="stack">
        {[...KEY_LINES, ["Go to", pages] as const].map(([title, lines]) => (
          <section key={title}>
            <h3>{title}</h3>
            {lines.map(({ keys, what }) => (
              <p key={what} class="row">
                <span>
                  {keys.map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </span>
                {what}
              </p>
            ))}
          </section>
        ))}
      </div>
    </Dialog>
  );
}

const loaded = new Map<LoadPage, FunctionComponent<PageProps>>();

function PageOfPlace(): VNode {
  const { path } = place.value;
  const matched = matchRoute(ROUTES, path);
  const [, setTurn] = useState(0);
  const [failed, setFailed] = useState(false);
  const [isSlow, setSlow] = useState(false);
  const [broken, resetBroken] = useErrorBoundary();
  const load = matched?.page;
  const Page = load === undefined ? undefined : loaded.get(load);
  useEffect(() => {
    setFailed(false);
    resetBroken();
    if (load === undefined || loaded.has(load)) return undefined;
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    load().then(
      ({ Page: component }) => {
        clearTimeout(timer);
        setSlow(false);
        loaded.set(load, component);
        setTurn((turn) => turn + 1);
      },
      () => setFailed(true),
    );
    return () => clearTimeout(timer);
  }, [load, path]);
  useHeadingFocus(Page !== undefined);
  if (matched === undefined) return <Empty title="There is no such page">The address may be old, or mistyped.</Empty>;
  if (broken !== undefined) return <PageFailure message={broken instanceof Error ? broken.message : String(broken)} />;
  // A collector that was updated has other files: the page is loaded anew with them.
  if (failed) return <PageFailure message="The page could not be loaded. Was the collector updated?" />;
  if (Page === undefined) return isSlow ? <Loading rows={6} /> : <div aria-busy="true" />;
  return <Page key={path} parameters={matched.parameters} />;
}

function PageFailure({ message }: { message: string }): VNode {
  return <Failure error={{ code: "PAGE", message, reason: "", metadata: {} }} again={() => location.reload()} />;
}

/** The heading of a page that was gone to is where reading goes on; not that of the first one. */
function useHeadingFocus(isThere: boolean): void {
  // As it was when this was drawn: who is quick goes on before it is run, and the heading is still that of the page before.
  const visit = visits.value;
  const seen = useRef(visit);
  useEffect(() => {
    if (!isThere || seen.current === visit) return;
    seen.current = visit;
    scrollTo({ top: 0 });
    document.querySelector<HTMLElement>("h1")?.focus();
  }, [isThere, visit]);
}
