/** Names in Kubernetes and the Gateway API, and references from one object to another. */
import type * as z from 'zod';
import { fields, fieldOf, flag, has, ruled, text, whole, word } from './shape.ts';

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const groupPattern = /^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const hostPattern = /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

export const groupName = (): z.ZodString =>
  text({ max: 253, pattern: groupPattern, wants: 'the group of an API, such as gateway.envoyproxy.io, or ""' });
export const kindName = (): z.ZodString =>
  text({ min: 1, max: 63, pattern: /^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/, wants: 'a kind, such as Service' });
export const objectName = (): z.ZodString => text({ min: 1, max: 253, wants: 'the name of an object' });
export const namespaceName = (): z.ZodString =>
  text({ min: 1, max: 63, pattern: label, wants: 'the name of a namespace: a-z, 0-9 and "-"' });
export const sectionName = (): z.ZodString =>
  text({ min: 1, max: 253, pattern: subdomain, wants: 'the name of a listener' });
export const preciseHost = (): z.ZodString =>
  text({ min: 1, max: 253, pattern: subdomain, wants: 'a host name in lower case, such as mcp.example.com' });
export const hostName = (): z.ZodString =>
  text({
    min: 1,
    max: 253,
    pattern: hostPattern,
    wants: 'a host name in lower case, such as mcp.example.com or *.example.com',
  });
export const port = (): z.ZodNumber => whole(1, 65_535);
/** Gateway API Duration (GEP-2257), such as `300s` or `1m30s`. */
export const duration = (): z.ZodString =>
  text({ pattern: /^([0-9]{1,5}(h|m|s|ms)){1,4}$/, wants: 'a time such as 500ms, 30s or 5m' });
export const action = (): z.ZodEnum<{ Allow: 'Allow'; Deny: 'Deny' }> => word('Allow', 'Deny');

/* metadata.name of an object: DNS-1123 subdomain. */
export const ownName = (): z.ZodString =>
  text({ min: 1, max: 253, pattern: subdomain, wants: 'a name in lower case, such as github-token' });

/** A reference to an object of one kind, by default `Secret`. */
export const secretReference = () =>
  fields({
    group: groupName().default(''),
    kind: kindName().default('Secret'),
    name: objectName(),
    namespace: namespaceName().optional(),
  });

/** A reference to an object in the same namespace. */
export const localReference = () => fields({ group: groupName(), kind: kindName(), name: objectName() });

const backendFields = {
  group: groupName().default(''),
  kind: kindName().default('Service'),
  name: objectName(),
  namespace: namespaceName().optional(),
  port: port().optional(),
};

/** A reference to a Service or Backend. `more`: further fields at this place. */
export function backendReference<T extends z.core.$ZodLooseShape>(
  more: T,
): z.ZodObject<typeof backendFields & T, z.core.$strict> {
  return ruled(
    fields({ ...backendFields, ...more }),
    (ref: unknown) => (fieldOf(ref, 'group') ?? '') !== '' || fieldOf(ref, 'kind') !== 'Service' || has(ref, 'port'),
    { says: 'Must have port for Service reference', remedy: 'Give the port of the Service' },
  );
}

/** One of several weighted backends of a policy. */
export const weightedBackend = () =>
  backendReference({ fallback: flag().optional(), weight: whole(0, 1_000_000).default(1) });
