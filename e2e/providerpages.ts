/** What a person does at the pages of an identity provider, without a browser. */

const STEPS_MAX = 20;

/**
 * Opens the address, follows redirects, and sends each form that comes, under the person's name. Gives the address that begins with `back`
 * as soon as it is led there, and does not open it; undefined where a page has no form any more.
 */
export async function passPages(url: string, person: string, back?: string): Promise<string | undefined> {
  const cookies = new Map<string, string>();
  let next: { url: string; form?: URLSearchParams } = { url };
  for (let step = 0; step < STEPS_MAX; step++) {
    const { form } = next;
    const at: string = next.url;
    const response = await fetch(at, {
      method: form === undefined ? "GET" : "POST",
      redirect: "manual",
      headers: { cookie: Array.from(cookies, ([name, value]) => `${name}=${value}`).join("; ") },
      ...(form === undefined ? {} : { body: form }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === "") cookies.delete(name);
      else cookies.set(name, value);
    }
    const location = response.headers.get("location");
    const text = await response.text();
    if (location !== null) {
      next = { url: new URL(location, at).href };
      if (back !== undefined && next.url.startsWith(back)) return next.url;
      continue;
    }
    const [, action] = /<form[^>]*action="([^"]+)"/.exec(text) ?? [];
    if (action === undefined) {
      if (back === undefined) return undefined;
      throw new Error(`the provider's page has no form: ${text.slice(0, 500)}`);
    }
    next = { url: new URL(action, at).href, form: formOf(text, person) };
  }
  throw new Error("the provider's pages come to no end");
}

/** A form's hidden fields, and the person's name where it asks for one. */
function formOf(text: string, person: string): URLSearchParams {
  const form = new URLSearchParams();
  for (const [, field = ""] of text.matchAll(/<input([^>]*)>/g)) {
    const [, name = ""] = /name="([^"]+)"/.exec(field) ?? [];
    const [, value = ""] = /value="([^"]*)"/.exec(field) ?? [];
    if (name === "login") form.set(name, person);
    else if (name === "password") form.set(name, "whatever: this provider asks for none");
    else if (name !== "" && name !== "abort") form.set(name, value);
  }
  return form;
}
