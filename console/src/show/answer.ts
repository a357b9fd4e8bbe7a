/** Answers of calls as a view has them: asked when the view is there or its request changes, given up when it goes. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import {
  type Answer,
  call,
  type CallError,
  callStream,
  type Method,
  type StreamMethod,
  watch,
  type WatchState,
} from "../api/index.ts";

/** Nothing says that it loads before: what comes sooner would only flicker. */
export const SLOW_MS = 200;

export interface Asked<Value> {
  /** The newest answer; that of the request before until the next one is there. */
  value: Value | undefined;
  error: CallError | undefined;
  isLoading: boolean;
  /** It loads for so long that it has to be said. */
  isSlow: boolean;
  again: () => void;
  /** Puts a value in the place of the answer: what a call that changed something gave back. */
  put: (value: Value) => void;
}

type Asking<Value> = (signal: AbortSignal, progress: (value: Value) => void) => Promise<Answer<Value>>;

/** Asks whenever `key` changes; undefined for nothing to ask. */
function useAsked<Value>(key: string | undefined, asking: Asking<Value>): Asked<Value> {
  const [value, setValue] = useState<Value>();
  const [error, setError] = useState<CallError>();
  const [isLoading, setLoading] = useState(key !== undefined);
  const [isSlow, setSlow] = useState(false);
  const [turn, setTurn] = useState(0);
  const latest = useRef(asking);
  latest.current = asking;
  useEffect(() => {
    if (key === undefined) {
      setLoading(false);
      return undefined;
    }
    const stopping = new AbortController();
    setLoading(true);
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    void (async () => {
      const answer = await latest.current(stopping.signal, (partial) => {
        if (!stopping.signal.aborted) setValue(partial);
      });
      clearTimeout(timer);
      if (stopping.signal.aborted) return;
      if (answer.error === undefined) setValue(answer.value);
      setError(answer.error);
      setLoading(false);
      setSlow(false);
    })();
    return () => {
      clearTimeout(timer);
      setSlow(false);
      stopping.abort();
    };
  }, [key, turn]);
  const again = useCallback(() => setTurn((before) => before + 1), []);
  return { value, error, isLoading, isSlow, again, put: setValue };
}

export function useAnswer<Request, Response>(
  method: Method<Request, Response>,
  request: Request | undefined,
): Asked<Response> {
  const key = request === undefined ? undefined : `${method.path} ${JSON.stringify(request)}`;
  return useAsked(key, async (signal) => await call(method, request as Request, signal));
}

/** The same of a stream whose messages each are the whole answer so far. */
export function useProgress<Request, Response>(
  method: StreamMethod<Request, Response>,
  request: Request | undefined,
): Asked<Response> {
  const key = request === undefined ? undefined : `${method.path} ${JSON.stringify(request)}`;
  return useAsked<Response>(key, async (signal, progress) => {
    let last: Response | undefined;
    const take = (message: Response): void => {
      last = message;
      progress(message);
    };
    const error = await callStream(method, request as Request, take, signal);
    if (error !== undefined) return { error };
    return { value: last ?? ({} as Response) };
  });
}

/** Pages that are read for one list; a list that is longer says so. */
const PAGES_MAX = 20;

/** All items of a paged list, up to a bound. */
export function useAll<
  Request extends { pageToken?: string | undefined },
  Response extends { nextPageToken?: string | undefined },
  Item,
>(
  method: Method<Request, Response>,
  request: NoInfer<Request> | undefined,
  itemsOf: (page: Response) => readonly Item[] | undefined,
): Asked<{ items: Item[]; isMore: boolean }> {
  const key = request === undefined ? undefined : `all ${method.path} ${JSON.stringify(request)}`;
  return useAsked<{ items: Item[]; isMore: boolean }>(key, async (signal, progress) => {
    const items: Item[] = [];
    let pageToken = "";
    for (let page = 0; page < PAGES_MAX; page++) {
      const { value, error } = await call(method, { ...(request as Request), pageToken }, signal);
      if (error !== undefined) return { error };
      items.push(...(itemsOf(value) ?? []));
      pageToken = value.nextPageToken ?? "";
      if (pageToken === "") return { value: { items, isMore: false } };
      progress({ items: [...items], isMore: true });
    }
    return { value: { items, isMore: true } };
  });
}

/** Follows a stream while the view is there. */
export function useWatch<Request, Response>(
  method: StreamMethod<Request, Response>,
  request: Request | undefined,
  take: (message: Response) => void,
  again: () => void,
): WatchState {
  const [state, setState] = useState<WatchState>({ state: "live" });
  const latest = useRef({ take, again });
  latest.current = { take, again };
  const key = request === undefined ? undefined : JSON.stringify(request);
  useEffect(() => {
    if (key === undefined) return undefined;
    const stopping = new AbortController();
    const watcher = {
      take: (message: Response) => latest.current.take(message),
      again: () => latest.current.again(),
      tell: setState,
    };
    void watch(method, request as Request, watcher, stopping.signal);
    return () => stopping.abort();
  }, [key]);
  return state;
}
