// Controls that the five share: one look, one behaviour. Texts are texts, never markup.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Icon, type IconName } from "./icons";

type ButtonProps = {
  icon?: IconName;
  /** Told by screen readers and as a tooltip; the text of a button that has none. */
  title?: string;
  look?: "plain" | "quiet" | "main" | "danger";
  pressed?: boolean;
  expanded?: boolean;
  disabled?: boolean;
  onClick: () => void;
  children?: ComponentChildren;
};

export function Button({ icon, title, look = "plain", pressed, expanded, disabled, onClick, children }: ButtonProps) {
  const name = children === undefined ? title : undefined;
  return (
    <button
      type="button"
      class={look === "plain" ? "tf-button" : `tf-button tf-${look}`}
      title={title}
      aria-label={name}
      aria-pressed={pressed}
      aria-expanded={expanded}
      disabled={disabled}
      onClick={onClick}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** Buttons that belong together. */
export const Group = ({ label, children }: { label: string; children: ComponentChildren }) => (
  <div class="tf-group" role="group" aria-label={label}>
    {children}
  </div>
);

export const Toolbar = ({ label, children }: { label: string; children: ComponentChildren }) => (
  <div class="tf-toolbar" role="toolbar" aria-label={label}>
    {children}
  </div>
);

export const Grow = () => <span class="tf-grow" />;

export type Option = string | { value: string; text: string; disabled?: boolean };

type SelectProps = { label: string; value: string; options: Option[]; hideLabel?: boolean; quiet?: boolean; disabled?: boolean; onChange: (value: string) => void };

export function Select({ label, value, options, hideLabel, quiet, disabled, onChange }: SelectProps) {
  return (
    <label class="tf-label">
      {!hideLabel && <span>{label}</span>}
      <select class={quiet ? "tf-select tf-quiet" : "tf-select"} aria-label={label} value={value} disabled={disabled} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map((option) => {
          const { value: key, text, disabled: off } = typeof option === "string" ? { value: option, text: option, disabled: false } : option;
          return (
            <option key={key} value={key} disabled={off} selected={key === value}>
              {text}
            </option>
          );
        })}
      </select>
    </label>
  );
}

type FieldProps = {
  label: string;
  value: string;
  hideLabel?: boolean;
  stacked?: boolean;
  placeholder?: string;
  /** What is wrong with it. */
  fault?: string;
  width?: string;
  lines?: number;
  list?: string[];
  disabled?: boolean;
  onInput?: (value: string) => void;
  /** Called when it is left, or Enter is pressed. */
  onChange?: (value: string) => void;
};

export function Field({ label, value, hideLabel, stacked, placeholder, fault, width, lines, list, disabled, onInput, onChange }: FieldProps) {
  const id = useId();
  const shared = {
    class: "tf-input",
    "aria-label": label,
    "aria-invalid": fault ? true : undefined,
    "aria-describedby": fault ? `${id}-fault` : undefined,
    value,
    placeholder,
    disabled,
    spellcheck: false,
    style: width ? { width } : undefined,
    onInput: (event: { currentTarget: { value: string } }) => onInput?.(event.currentTarget.value),
    onChange: (event: { currentTarget: { value: string } }) => onChange?.(event.currentTarget.value),
  };
  return (
    <label class={stacked ? "tf-label tf-stacked" : "tf-label"}>
      {!hideLabel && <span>{label}</span>}
      {lines ? <textarea rows={lines} {...shared} /> : <input type="text" autocomplete="off" list={list && `${id}-list`} {...shared} />}
      {list && (
        <datalist id={`${id}-list`}>
          {list.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
      {fault && (
        <span class="tf-fault" id={`${id}-fault`}>
          {fault}
        </span>
      )}
    </label>
  );
}

type CheckProps = { label: string; checked: boolean; disabled?: boolean; onChange: (checked: boolean) => void };

export const Check = ({ label, checked, disabled, onChange }: CheckProps) => (
  <label class="tf-check">
    <input type="checkbox" checked={checked} disabled={disabled} onChange={(event) => onChange(event.currentTarget.checked)} />
    <span>{label}</span>
  </label>
);

const TONES: Record<string, string> = {
  completed: "good", done: "good", running: "busy", pending: "busy", submitted: "busy", submitted_pending: "busy",
  failed: "bad", terminated: "bad", pending_failed: "bad", canceled: "bad",
};

/** The colour of a job's status. */
export const toneClass = (status: string) => `tf-is-${Object.hasOwn(TONES, status) ? TONES[status] : "idle"}`;

/** The look of a job's status. */
export const statusClass = (status: string) => `tf-pill ${toneClass(status)}`;

type PillProps = { status: string; count?: string; pressed?: boolean; onClick?: () => void };

export function Pill({ status, count, pressed, onClick }: PillProps) {
  const inside = (
    <>
      {status}
      {count !== undefined && <b>{count}</b>}
    </>
  );
  if (!onClick) return <span class={statusClass(status)}>{inside}</span>;
  return (
    <button type="button" class={statusClass(status)} aria-pressed={pressed} onClick={onClick}>
      {inside}
    </button>
  );
}

type DialogProps = { title: string; onClose: () => void; footer?: ComponentChildren; children: ComponentChildren };

/** A dialog over the app, not over the page: Escape closes it, Tab stays inside, and the focus goes back. */
export function Dialog({ title, onClose, footer, children }: DialogProps) {
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  useEffect(() => {
    const before = (box.current!.getRootNode() as Document | ShadowRoot).activeElement as HTMLElement | null;
    box.current!.focus();
    return () => before?.isConnected && before.focus();
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") onClose();
    else if (event.key === "Tab") around(box.current!, event);
  };
  return (
    <div class="tf-veil">
      <div class="tf-dialog" role="dialog" aria-modal="true" aria-labelledby={id} tabIndex={-1} ref={box} onKeyDown={onKeyDown}>
        <header role="presentation">
          <h3 id={id}>{title}</h3>
          <Button icon="close" title="Close" look="quiet" onClick={onClose} />
        </header>
        <div tabIndex={0} role="group" aria-labelledby={id}>{children}</div>
        {footer && <footer role="presentation">{footer}</footer>}
      </div>
    </div>
  );
}

const STOPS = "button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea:not(:disabled), [tabindex='0']";

function around(box: HTMLElement, event: KeyboardEvent) {
  const stops = [...box.querySelectorAll<HTMLElement>(STOPS)].filter((each) => each.offsetParent !== null);
  const active = (box.getRootNode() as Document | ShadowRoot).activeElement;
  const [first, last] = [stops[0], stops[stops.length - 1]];
  if (event.shiftKey ? active === first || active === box : active === last) {
    event.preventDefault();
    (event.shiftKey ? last : first)?.focus();
  }
}
