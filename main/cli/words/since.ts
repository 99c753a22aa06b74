/** Since when something is in the library, for people: to the minute, in their own time. */
export function sinceWords({ createdAt }: { readonly createdAt: string }): string {
  const made = new Date(createdAt);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${made.getFullYear()}-${two(made.getMonth() + 1)}-${two(made.getDate())}`;
  return `It has been here since ${day} ${two(made.getHours())}:${two(made.getMinutes())}`;
}
