/** Tasks as 2025-11-25 basic/utilities/tasks has them. */

/** The key of `_meta` by which a message says what task it belongs to. */
export const relatedTask = 'io.modelcontextprotocol/related-task';
