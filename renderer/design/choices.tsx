import { Check, ChevronsUpDown } from 'lucide-react';
import type { ReactNode } from 'react';
import {
  Button as AriaButton,
  CheckboxButton,
  CheckboxField,
  Label,
  ListBox,
  ListBoxItem,
  Popover,
  Select as AriaSelect,
  SelectValue,
  Slider as AriaSlider,
  SliderOutput,
  SliderThumb,
  SliderTrack,
  SwitchButton,
  SwitchField,
  Text,
  ToggleButton,
  ToggleButtonGroup,
} from 'react-aria-components';

export interface CheckboxProps {
  readonly children?: ReactNode;
  /** Where there are no words beside the box. */
  readonly label?: string;
  readonly isSelected: boolean;
  readonly onChange: (selected: boolean) => void;
  readonly isDisabled?: boolean;
  readonly className?: string;
}

export function Checkbox({ children, label, className, ...rest }: CheckboxProps): ReactNode {
  return (
    <CheckboxField {...rest} aria-label={label}>
      <CheckboxButton className={`checkbox ${className ?? ''}`}>
        <span className="box">
          <Check aria-hidden />
        </span>
        {children}
      </CheckboxButton>
    </CheckboxField>
  );
}

export interface SwitchProps {
  readonly children: ReactNode;
  readonly isSelected: boolean;
  readonly onChange: (selected: boolean) => void;
  readonly isDisabled?: boolean;
}

export function Switch({ children, ...rest }: SwitchProps): ReactNode {
  return (
    <SwitchField {...rest}>
      <SwitchButton className="switch">
        <span className="track" />
        {children}
      </SwitchButton>
    </SwitchField>
  );
}

export interface Choice<K extends string> {
  readonly id: K;
  readonly label: string;
  readonly description?: string;
  readonly icon?: ReactNode;
  readonly isDisabled?: boolean;
}

export interface SegmentedProps<K extends string> {
  readonly label: string;
  readonly choices: readonly Choice<K>[];
  readonly value: K;
  readonly onChange: (value: K) => void;
}

/** Two to five choices side by side, one of them on. */
export function Segmented<K extends string>({
  label,
  choices,
  value,
  onChange,
}: SegmentedProps<K>): ReactNode {
  return (
    <ToggleButtonGroup
      aria-label={label}
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[value]}
      onSelectionChange={(keys) => {
        const chosen = choices.find((choice) => keys.has(choice.id));
        if (chosen !== undefined) onChange(chosen.id);
      }}
      className="segmented"
    >
      {choices.map((choice) => (
        <ToggleButton
          key={choice.id}
          id={choice.id}
          className="segment"
          isDisabled={choice.isDisabled}
        >
          {choice.icon}
          {choice.label}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  );
}

export interface SelectProps<K extends string> extends Omit<SegmentedProps<K>, 'value'> {
  readonly value: K | null;
  readonly hideLabel?: boolean;
  readonly placeholder?: string;
  readonly isDisabled?: boolean;
  readonly className?: string;
}

/** One choice of many. */
export function Select<K extends string>({
  label,
  hideLabel,
  choices,
  value,
  onChange,
  placeholder,
  isDisabled,
  className,
}: SelectProps<K>): ReactNode {
  return (
    <AriaSelect
      className={`field ${className ?? ''}`}
      value={value}
      onChange={(key) => {
        const chosen = choices.find((choice) => choice.id === key);
        if (chosen !== undefined) onChange(chosen.id);
      }}
      placeholder={placeholder}
      isDisabled={isDisabled}
    >
      <Label className={hideLabel === true ? 'hidden-visually' : 'field-label'}>{label}</Label>
      <AriaButton className="select-button">
        <SelectValue className="ellipsis" />
        <ChevronsUpDown aria-hidden />
      </AriaButton>
      <Popover className="popover">
        <ListBox className="menu" items={choices.map((choice) => ({ ...choice }))}>
          {(choice) => (
            <ListBoxItem
              id={choice.id}
              textValue={choice.label}
              className="menu-item"
              isDisabled={choice.isDisabled}
            >
              {choice.icon}
              <span className="grow">
                <Text slot="label">{choice.label}</Text>
                {choice.description === undefined ? null : (
                  <Text slot="description" className="description">
                    {choice.description}
                  </Text>
                )}
              </span>
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </AriaSelect>
  );
}

export interface SliderProps {
  readonly label: ReactNode;
  readonly value: number;
  readonly onChange: (value: number) => void;
  readonly minValue: number;
  readonly maxValue: number;
  readonly step: number;
  readonly formatOptions?: Intl.NumberFormatOptions;
  readonly isDisabled?: boolean;
}

export function Slider({ label, formatOptions, ...rest }: SliderProps): ReactNode {
  return (
    <AriaSlider {...rest} className="slider" formatOptions={formatOptions}>
      <Label className="field-label">{label}</Label>
      <SliderOutput className="quiet" />
      <SliderTrack className="slider-track">
        <SliderThumb className="slider-thumb" />
      </SliderTrack>
    </AriaSlider>
  );
}
