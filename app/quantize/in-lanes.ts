/**
 * Works through items in their order, `lanes` at a time. After a failure nothing more is begun; `stop` tells what is
 * under way to end, which is waited for.
 *
 * @throws what failed first
 */
export async function inLanes<T>(
  items: Iterable<T>,
  lanes: number,
  work: (item: T) => Promise<void>,
  stop: () => void,
): Promise<void> {
  const next = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    while (failures.length === 0) {
      const item = next.next();
      if (item.done === true) return;
      try {
        await work(item.value);
      } catch (error) {
        failures.push(error);
        stop();
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  if (failures.length > 0) throw failures[0];
}
