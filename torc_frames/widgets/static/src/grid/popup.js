// A box over the page, beside a place in it: above all that is there, and cut off by nothing.

const GAP = 2;

export function popup(parent, node, place) {
  node.classList.add("tf-popup");
  node.setAttribute("popover", "manual");
  parent.append(node);
  node.showPopover();
  beside(node, place());
  const follow = () => beside(node, place());
  window.addEventListener("scroll", follow, true);
  window.addEventListener("resize", follow);
  return () => {
    window.removeEventListener("scroll", follow, true);
    window.removeEventListener("resize", follow);
    node.remove();
  };
}

// Below the place, above it where there is more room; within the window.
function beside(node, { left, top, bottom }) {
  node.style.maxHeight = "";
  const { width, height } = node.getBoundingClientRect();
  const below = window.innerHeight - bottom - GAP;
  const isAbove = height > below && top > below;
  const room = Math.max(60, (isAbove ? top : below) - 2 * GAP);
  const y = isAbove ? Math.max(GAP, top - GAP - Math.min(height, room)) : bottom + GAP;
  const x = Math.max(GAP, Math.min(left, window.innerWidth - width - GAP));
  Object.assign(node.style, { left: `${x}px`, top: `${y}px`, maxHeight: `${room}px` });
}
