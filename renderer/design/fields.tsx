import { Search, X } from 'lucide-react';
import type { KeyboardEventHandler, ReactNode, Ref } from 'react';
import {
  Button as AriaButton,
  FieldError,
  Group,
  Input,
  Label,
  NumberField as AriaNumberField,
  SearchField as AriaSearchField,
  Text,
  TextArea as AriaTextArea,
  TextField as AriaTextField,
} from 'react-aria-components';
import { useTranslation } from 'react-i18next';

interface FieldProps {
  readonly label: ReactNode;
  /** Hides the label from the eye; it is still read aloud. */
  readonly hideLabel?: boolean;
  readonly hint?: ReactNode;
  /** What is wrong with the value; shows the field as invalid. */
  readonly error?: string | null;
  readonly isDisabled?: boolean;
  readonly className?: string;
}

/** What every field has around its input: the label before it, the hint and what is wrong after it. */
function FieldFrame({
  label,
  hideLabel,
  hint,
  error,
  children,
}: Pick<FieldProps, 'label' | 'hideLabel' | 'hint' | 'error'> & {
  readonly children: ReactNode;
}): ReactNode {
  return (
    <>
      <Label className={hideLabel === true ? 'hidden-visually' : 'field-label'}>{label}</Label>
      {children}
      {hint === undefined ? null : (
        <Text slot="description" className="field-hint">
          {hint}
        </Text>
      )}
      <FieldError className="field-error">{error}</FieldError>
    </>
  );
}

export interface TextFieldProps extends FieldProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly placeholder?: string;
  readonly type?: 'text' | 'password' | 'url';
  readonly autoFocus?: boolean;
  readonly maxLength?: number;
  /** When the person leaves the field. */
  readonly onBlur?: () => void;
  readonly onKeyDown?: KeyboardEventHandler<HTMLInputElement>;
  readonly ref?: Ref<HTMLInputElement>;
}

/** One line of text. */
export function TextField({
  label,
  hideLabel,
  hint,
  error,
  placeholder,
  className,
  onKeyDown,
  ref,
  ...rest
}: TextFieldProps): ReactNode {
  return (
    <AriaTextField
      {...rest}
      isInvalid={typeof error === 'string'}
      // Left to the browser, a form with what was wrong before could not be sent again.
      validationBehavior="aria"
      className={`field ${className ?? ''}`}
    >
      <FieldFrame label={label} hideLabel={hideLabel} hint={hint} error={error}>
        <Input className="input" ref={ref} placeholder={placeholder} onKeyDown={onKeyDown} />
      </FieldFrame>
    </AriaTextField>
  );
}

export interface TextAreaProps extends FieldProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly placeholder?: string;
  readonly rows?: number;
  readonly autoFocus?: boolean;
  readonly onKeyDown?: KeyboardEventHandler<HTMLTextAreaElement>;
  readonly ref?: Ref<HTMLTextAreaElement>;
}

/** Several lines of text. */
export function TextArea({
  label,
  hideLabel,
  hint,
  error,
  placeholder,
  rows = 3,
  className,
  onKeyDown,
  ref,
  ...rest
}: TextAreaProps): ReactNode {
  return (
    <AriaTextField
      {...rest}
      isInvalid={typeof error === 'string'}
      validationBehavior="aria"
      className={`field ${className ?? ''}`}
    >
      <FieldFrame label={label} hideLabel={hideLabel} hint={hint} error={error}>
        <AriaTextArea
          className="input"
          rows={rows}
          ref={ref}
          placeholder={placeholder}
          onKeyDown={onKeyDown}
        />
      </FieldFrame>
    </AriaTextField>
  );
}

export interface SearchFieldProps {
  readonly label: string;
  /** Left out inside an Autocomplete, which holds the value itself. */
  readonly value?: string;
  readonly onChange?: (value: string) => void;
  readonly onSubmit?: (value: string) => void;
  readonly placeholder?: string;
  readonly autoFocus?: boolean;
  readonly className?: string;
  readonly ref?: Ref<HTMLInputElement>;
}

/** A search with a button that clears it; Esc clears it too. */
export function SearchField({
  label,
  placeholder,
  className,
  ref,
  ...rest
}: SearchFieldProps): ReactNode {
  const { t } = useTranslation();
  return (
    <AriaSearchField {...rest} aria-label={label} className={`search-field ${className ?? ''}`}>
      <Group className="field-group">
        <Search aria-hidden />
        <Input className="input" placeholder={placeholder ?? label} ref={ref} />
        <AriaButton className="button icon plain small search-clear" aria-label={t('clear')}>
          <X aria-hidden />
        </AriaButton>
      </Group>
    </AriaSearchField>
  );
}

export interface NumberFieldProps extends FieldProps {
  readonly value: number;
  readonly onChange: (value: number) => void;
  readonly minValue?: number;
  readonly maxValue?: number;
  readonly step?: number;
  readonly formatOptions?: Intl.NumberFormatOptions;
}

/** A number; arrow keys change it by `step`. */
export function NumberField({
  label,
  hideLabel,
  hint,
  error,
  className,
  ...rest
}: NumberFieldProps): ReactNode {
  return (
    <AriaNumberField
      {...rest}
      isInvalid={typeof error === 'string'}
      validationBehavior="aria"
      className={`field ${className ?? ''}`}
    >
      <FieldFrame label={label} hideLabel={hideLabel} hint={hint} error={error}>
        <Input className="input" />
      </FieldFrame>
    </AriaNumberField>
  );
}
