import { useState, type ReactNode } from 'react';
import { TextField } from '../../design/fields.tsx';

/** What was read of a text: a value to keep, or nothing that could be kept. */
export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false };

export interface KeptFieldProps<T> {
  readonly label: string;
  /** What is kept now, as text. */
  readonly kept: string;
  readonly read: (text: string) => Reading<T>;
  readonly onKeep: (value: T) => void;
  /** Said beside the field when the text cannot be kept. */
  readonly invalid: string;
  readonly placeholder?: string;
  readonly className?: string;
}

/** A text that is kept when the person leaves the field or presses Enter; Esc brings back what was kept. */
export function KeptField<T>({
  label,
  kept,
  read,
  onKeep,
  invalid,
  placeholder,
  className,
}: KeptFieldProps<T>): ReactNode {
  // Null: shows what is kept, also when that changes elsewhere.
  const [draft, setDraft] = useState<string | null>(null);
  const [isInvalid, setInvalid] = useState(false);
  const keep = (): void => {
    if (draft === null) return;
    const reading = read(draft);
    setInvalid(!reading.ok);
    if (!reading.ok) return;
    setDraft(null);
    if (draft.trim() !== kept) onKeep(reading.value);
  };
  return (
    <TextField
      label={label}
      hideLabel
      value={draft ?? kept}
      onChange={(text) => {
        setDraft(text);
        setInvalid(false);
      }}
      onBlur={keep}
      onKeyDown={(event) => {
        if (event.key === 'Enter') keep();
        if (event.key !== 'Escape') return;
        setDraft(null);
        setInvalid(false);
      }}
      placeholder={placeholder}
      error={isInvalid ? invalid : null}
      className={className}
    />
  );
}
