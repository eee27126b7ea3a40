// Boxes of a step that nobody ticked, and how they go into the record.

export const notTicked = (items: readonly string[], ticked: ReadonlySet<number> | undefined): string[] =>
  items.filter((_, index) => !ticked?.has(index));

/** What is sent: the boxes that are open stand first, so that nobody reads it as all done. */
export const withNotTicked = (left: readonly string[], text: string): string => (left.length === 0 ? text : `not ticked: ${left.join('; ')}; ${text}`);
