// A button that opens a menu: arrows move, Enter chooses, Escape closes, a click elsewhere, too.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "./controls";
import { Icon, type IconName } from "./icons";

export type Item = { text: string; icon?: IconName; keys?: string; disabled?: boolean; checked?: boolean; onClick: () => void } | "line";

type MenuProps = { label: string; icon?: IconName; text?: string; look?: "plain" | "quiet"; items: Item[] };

export function MenuButton({ label, icon, text, look, items }: MenuProps) {
  const open = useSignal(false);
  const place = useRef<HTMLDivElement>(null);
  const close = () => {
    open.value = false;
    place.current?.querySelector("button")?.focus();
  };
  return (
    <div class="tf-menu-place" ref={place}>
      <Button icon={icon} title={label} look={look} expanded={open.value} onClick={() => (open.value = !open.value)}>
        {text}
      </Button>
      {open.value && <Menu label={label} items={items} onClose={close} style={{ top: "100%", left: 0 }} />}
    </div>
  );
}

type ListProps = { label: string; items: Item[]; onClose: () => void; style?: Record<string, string | number> };

export function Menu({ label, items, onClose, style }: ListProps) {
  const list = useRef<HTMLDivElement>(null);
  const stops = () => [...list.current!.querySelectorAll<HTMLButtonElement>("button:not(:disabled)")];
  useEffect(() => {
    stops()[0]?.focus();
    const root = list.current!.getRootNode();
    const outside = (event: Event) => !list.current?.parentElement?.contains(event.target as Node) && onClose();
    root.addEventListener("pointerdown", outside);
    return () => root.removeEventListener("pointerdown", outside);
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    const all = stops();
    const root = list.current!.getRootNode() as Document | ShadowRoot;
    const at = all.indexOf(root.activeElement as HTMLButtonElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (next !== undefined) all.at(next % all.length)?.focus();
    else if (event.key === "Escape" || event.key === "Tab") onClose();
    else return;
    event.preventDefault();
  };
  return (
    <div class="tf-menu" role="menu" aria-label={label} ref={list} style={style} onKeyDown={onKeyDown}>
      {items.map((item, at) =>
        item === "line" ? (
          <hr key={at} />
        ) : (
          <button
            key={at}
            type="button"
            role={item.checked === undefined ? "menuitem" : "menuitemcheckbox"}
            aria-checked={item.checked}
            disabled={item.disabled}
            tabIndex={-1}
            onClick={() => {
              onClose();
              item.onClick();
            }}
          >
            {item.icon && <Icon name={item.icon} />}
            {item.checked && <Icon name="check" />}
            {item.text}
            {item.keys && <kbd>{item.keys}</kbd>}
          </button>
        ),
      )}
    </div>
  );
}
