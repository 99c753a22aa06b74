import { ArrowDownNarrowWide, ArrowUpNarrowWide } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../../design/button.tsx';
import { Checkbox, Select } from '../../design/choices.tsx';
import { SearchField } from '../../design/fields.tsx';
import { sortKeys, type LibraryFilter } from './library-rows.ts';

/** Search, filters and order. */
export function LibraryTools({
  filter,
  onChange,
}: {
  readonly filter: LibraryFilter;
  readonly onChange: (change: Partial<LibraryFilter>) => void;
}): ReactNode {
  const { t } = useTranslation('library');
  const { t: schemes } = useTranslation('schemes');
  return (
    <div className="library-tools">
      <SearchField
        className="library-search"
        label={t('search')}
        value={filter.text}
        onChange={(text) => {
          onChange({ text });
        }}
      />
      <Select
        label={t('bits')}
        hideLabel
        className="library-bits"
        value={filter.bits}
        choices={[
          { id: 'all', label: t('bitsAll') },
          { id: '16', label: schemes('bits.b16') },
          { id: '8', label: schemes('bits.b8') },
          { id: '4', label: schemes('bits.b4') },
        ]}
        onChange={(bits) => {
          onChange({ bits });
        }}
      />
      <Checkbox
        isSelected={filter.onlyMeasured}
        onChange={(onlyMeasured) => {
          onChange({ onlyMeasured });
        }}
      >
        {t('onlyMeasured')}
      </Checkbox>
      <Checkbox
        isSelected={filter.onlyOffline}
        onChange={(onlyOffline) => {
          onChange({ onlyOffline });
        }}
      >
        {t('onlyOffline')}
      </Checkbox>
      <span className="grow" />
      <Select
        label={t('sortBy')}
        hideLabel
        className="library-sort"
        value={filter.sort}
        choices={sortKeys.map((id) => ({ id, label: t(`sort.${id}`) }))}
        onChange={(sort) => {
          onChange({ sort });
        }}
      />
      <IconButton
        label={filter.descending ? t('descending') : t('ascending')}
        onPress={() => {
          onChange({ descending: !filter.descending });
        }}
      >
        {filter.descending ? (
          <ArrowDownNarrowWide aria-hidden />
        ) : (
          <ArrowUpNarrowWide aria-hidden />
        )}
      </IconButton>
    </div>
  );
}
