/** The servers that are missing from a list: a key of its `_meta` (2025-11-25 basic/index §_meta), which `manifold tools` shows. */
const missingKey = 'mcp-manifold/missing';

/** `list` is a list result without `_meta`; `ids` are prefixes that clients see. Returns the same bytes if none is missing. */
export function withMissing(list: Buffer, ids: readonly string[]): Buffer {
  if (ids.length === 0) return list;
  const end = list.lastIndexOf('}');
  return Buffer.concat([list.subarray(0, end), Buffer.from(`,"_meta":{"${missingKey}":${JSON.stringify(ids)}}}`)]);
}
