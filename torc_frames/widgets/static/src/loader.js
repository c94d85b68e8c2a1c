// Each widget's module: small, since each widget and each saved notebook carries it. The code comes over the comm.
const LATE_MS = 10_000;
const kept = (globalThis.__torc_frames__ ??= new Map());

const GONE = "the widget that asked is gone";

// A module comes once a page; a second widget finds it. One that failed is asked for again, and so is one whose
// widget goes before it comes, by those that wait for it.
function asset(model, name, gone) {
  const key = `${name}:${model.get("_assets")[name]}`;
  if (!kept.has(key)) {
    const coming = received(model, name, gone).then(imported);
    kept.set(key, coming);
    coming.catch(() => kept.delete(key));
  }
  return kept.get(key).catch((error) => {
    if (error !== GONE || gone.aborted) throw error;
    return asset(model, name, gone);
  });
}

function received(model, name, gone) {
  return new Promise((resolve, reject) => {
    gone.addEventListener("abort", () => reject(GONE));
    const receive = (message, buffers) => {
      if (message.kind !== "asset" || message.name !== name) return;
      model.off("msg:custom", receive);
      resolve(buffers[0]);
    };
    model.on("msg:custom", receive);
    model.send({ op: "asset", name });
  });
}

async function imported(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const text = await new Response(stream).text();
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    return await import(/* @vite-ignore */ url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

export default {
  async render({ model, el }) {
    const told = document.createElement("div");
    told.setAttribute("role", "status");
    told.textContent = "Loading…";
    el.append(told);
    const late = setTimeout(() => (told.textContent = "No kernel answers: run the cell again."), LATE_MS);
    const ended = new AbortController();
    const gone = ended.signal;
    let stop = () => {};
    // Not awaited: else a host waits for Python, which may be busy, before it shows anything.
    asset(model, "app", gone).then(
      (app) => {
        clearTimeout(late);
        told.remove();
        if (!gone.aborted) stop = app.render({ model, el, asset: (name) => asset(model, name, gone) });
      },
      (error) => {
        clearTimeout(late);
        told.textContent = `The widget could not be loaded: ${error}`;
      },
    );
    return () => {
      clearTimeout(late);
      ended.abort();
      stop();
    };
  },
};
