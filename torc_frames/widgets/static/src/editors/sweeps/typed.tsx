// A field that is told while one types; what Python says meanwhile does not take its text away.
import { useSignal } from "@preact/signals";
import { Field } from "../../ui/controls";

type TypedProps = {
  label: string;
  value: string;
  hideLabel?: boolean;
  placeholder?: string;
  fault?: string;
  width?: string;
  wide?: boolean;
  onType: (text: string) => void;
};

export function Typed({ label, value, hideLabel, placeholder, fault, width, wide, onType }: TypedProps) {
  const draft = useSignal<string | null>(null);
  const type = (text: string) => {
    draft.value = text;
    onType(text);
  };
  return (
    <span class={wide ? "tf-typed tf-wide" : "tf-typed"} onFocusOut={() => (draft.value = null)}>
      <Field label={label} hideLabel={hideLabel} value={draft.value ?? value} placeholder={placeholder} fault={fault} width={width} onInput={type} />
    </span>
  );
}
