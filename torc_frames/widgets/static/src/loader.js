// Each widget's module: small, since each widget and each saved notebook carries it. The code comes over the comm.
const LATE_MS = 10_000;
const kept = (globalThis.__torc_frames__ ??= new Map());

// A module comes once a page; a second widget finds it. One that failed is asked for again.
function asset(model, name) {
  const key = `${name}:${model.get("_assets")[name]}`;
  if (!kept.has(key)) {
    const coming = received(model, name).then(imported);
    kept.set(key, coming);
    coming.catch(() => kept.delete(key));
  }
  return kept.get(key);
}

function received(model, name) {
  return new Promise((resolve) => {
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
    let gone = false;
    let stop = () => (gone = true);
    // Not awaited: else a host waits for Python, which may be busy, before it shows anything.
    asset(model, "app").then(
      (app) => {
        clearTimeout(late);
        told.remove();
        if (!gone) stop = app.render({ model, el, asset: (name) => asset(model, name) });
      },
      (error) => {
        clearTimeout(late);
        told.textContent = `The widget could not be loaded: ${error}`;
      },
    );
    return () => {
      clearTimeout(late);
      stop();
    };
  },
};
