// Search without a server: the index is a script beside this one, which is fetched when somebody begins to type. Without scripts there is no search, and
// all else is there.
const root = document.currentScript.dataset.root;
const RESULTS_MAX = 20;
const WORDS_MAX = 8;
const AROUND = 60;

const field = document.getElementById("words");
const found = document.getElementById("found");
const results = document.getElementById("results");
let loading;

function load() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${root}index.js`;
    script.addEventListener("load", () => resolve(window.searchIndex));
    script.addEventListener("error", () => reject(new Error("the index of the search cannot be read")));
    document.head.append(script);
  });
  return loading;
}

/** All words must be there; those in a title count most. 0 where it does not fit. */
function fit([, page, title, text], words) {
  const [pageLower, titleLower, textLower] = [page, title, text].map((each) => each.toLowerCase());
  let sum = 0;
  for (const word of words) {
    const value =
      (titleLower.includes(word) ? 10 : 0) + (pageLower.includes(word) ? 5 : 0) + (textLower.includes(word) ? 1 : 0);
    if (value === 0) return 0;
    sum += value;
  }
  return sum;
}

function around(text, words) {
  const lower = text.toLowerCase();
  const at = Math.max(
    0,
    Math.min(...words.map((word) => lower.indexOf(word)).filter((each) => each >= 0), text.length),
  );
  const start = Math.max(0, at === text.length ? 0 : at - AROUND);
  return `${start > 0 ? "… " : ""}${text.slice(start, start + 3 * AROUND)}${start + 3 * AROUND < text.length ? " …" : ""}`;
}

function show(entry, words) {
  const [place, page, title, text] = entry;
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = root + place;
  link.textContent = page === title ? page : `${page}: ${title}`;
  const context = document.createElement("p");
  context.textContent = around(text, words);
  item.append(link, context);
  return item;
}

async function search() {
  const words = field.value
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word.length > 1)
    .slice(0, WORDS_MAX);
  if (words.length === 0) {
    results.replaceChildren();
    found.textContent = "";
    return;
  }
  try {
    const index = await load();
    const fitting = index
      .map((entry) => [fit(entry, words), entry])
      .filter(([value]) => value > 0)
      .sort(([one], [other]) => other - one);
    results.replaceChildren(...fitting.slice(0, RESULTS_MAX).map(([, entry]) => show(entry, words)));
    const rest = fitting.length > RESULTS_MAX ? `, the first ${RESULTS_MAX} are shown` : "";
    found.textContent = fitting.length === 0 ? "Nothing has all of these words." : `${fitting.length} found${rest}`;
  } catch (error) {
    found.textContent = error.message;
  }
}

field.closest("search").hidden = false;
field.addEventListener("input", () => void search());
