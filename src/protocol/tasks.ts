/** Tasks of 2025-11-25 basic/utilities/tasks. */

/** The `_meta` key that names the task to which a message belongs. */
export const relatedTask = 'io.modelcontextprotocol/related-task';
