/**
 * The content of the notes server: three tools, a prompt, an index and a template of resources. One `McpServer` is created for
 * each client session; all of them share one notebook and notify their clients when it changes.
 */
import { McpServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SubscribeRequestSchema, UnsubscribeRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';

export interface Note {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  readonly tags: readonly string[];
}

const maxNotes = 1_000;
const indexUri = 'notes://index';
const uriOf = (id: string): string => `notes://note/${id}`;

/** The notes of this process, lost when it ends. */
export class Notebook {
  readonly #notes = new Map<string, Note>();
  readonly #listeners = new Set<(uri: string) => void>();
  #lastId = 0;

  constructor() {
    this.add('Welcome', 'This note was here before you. Ask for another one with add_note.', ['welcome']);
  }

  get all(): readonly Note[] {
    return [...this.#notes.values()];
  }

  get(id: string): Note | undefined {
    return this.#notes.get(id);
  }

  add(title: string, text: string, tags: readonly string[]): Note {
    if (this.#notes.size >= maxNotes) throw new Error(`The notebook is full (${maxNotes} notes). Delete one first.`);
    this.#lastId += 1;
    const note = { id: String(this.#lastId), title, text, tags };
    this.#notes.set(note.id, note);
    this.#changed(note.id);
    return note;
  }

  delete(id: string): boolean {
    const found = this.#notes.delete(id);
    if (found) this.#changed(id);
    return found;
  }

  search(query: string): readonly Note[] {
    const wanted = query.toLowerCase();
    return this.all.filter((note) =>
      [note.title, note.text, ...note.tags].some((text) => text.toLowerCase().includes(wanted)),
    );
  }

  /** Calls `listener` with the URI of each note that is added or removed, until the returned function is called. */
  onChange(listener: (uri: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(id: string): void {
    for (const listener of this.#listeners) listener(uriOf(id));
  }
}

const noteShape = { id: z.string(), title: z.string(), text: z.string(), tags: z.array(z.string()) };

/** The server for one client session. `close` must be called when the session ends. */
export function notesServer(notebook: Notebook): { readonly server: McpServer; readonly close: () => void } {
  const server = new McpServer(
    { name: 'notes', title: 'Notes', version: '1.0.0' },
    {
      capabilities: { resources: { subscribe: true, listChanged: true } },
      instructions: 'A notebook in memory. Search before you add, so that nothing is noted twice.',
    },
  );

  server.registerTool(
    'add_note',
    {
      title: 'Add a note',
      description: 'Adds a note to the notebook and returns it with its id.',
      inputSchema: {
        title: z.string().min(1).max(200),
        text: z.string().max(20_000),
        tags: z.array(z.string().max(50)).max(10).optional().describe('Words to find the note by'),
      },
      outputSchema: noteShape,
      annotations: { destructiveHint: false, openWorldHint: false },
    },
    ({ title, text: body, tags }) => {
      const note = notebook.add(title, body, tags ?? []);
      return { ...text(`Added note ${note.id}: ${note.title}`), structuredContent: { ...note } };
    },
  );

  server.registerTool(
    'search_notes',
    {
      title: 'Search notes',
      description:
        'Finds the notes whose title, text or tags contain the query, in any case. An empty query finds all.',
      inputSchema: { query: z.string().max(200) },
      outputSchema: { notes: z.array(z.object(noteShape)) },
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ query }) => {
      const notes = notebook.search(query).map((note) => ({ ...note, tags: [...note.tags] }));
      const lines = notes.map((note) => `${note.id}. ${note.title}: ${note.text}`);
      return { ...text(lines.length === 0 ? 'No note found.' : lines.join('\n')), structuredContent: { notes } };
    },
  );

  server.registerTool(
    'delete_note',
    {
      title: 'Delete a note',
      description: 'Deletes the note with this id.',
      inputSchema: { id: z.string().max(20) },
      annotations: { destructiveHint: true, idempotentHint: true, openWorldHint: false },
    },
    ({ id }) =>
      notebook.delete(id) ? text(`Deleted note ${id}.`) : { ...text(`There is no note ${id}.`), isError: true },
  );

  server.registerPrompt(
    'summarize_notes',
    {
      title: 'Summarize my notes',
      description: 'Asks for a summary of the notes.',
      argsSchema: { about: z.string().max(200).optional() },
    },
    ({ about }) => {
      const notes = notebook.search(about ?? '').map((note) => `# ${note.title}\n${note.text}`);
      return {
        messages: [
          { role: 'user', content: { type: 'text', text: `Summarize these notes:\n\n${notes.join('\n\n')}` } },
        ],
      };
    },
  );

  server.registerResource('index', indexUri, { title: 'All notes', mimeType: 'text/plain' }, () => ({
    contents: [
      {
        uri: indexUri,
        mimeType: 'text/plain',
        text: notebook.all.map((note) => `${note.id}. ${note.title}`).join('\n'),
      },
    ],
  }));

  const template = new ResourceTemplate('notes://note/{id}', {
    list: () => ({
      resources: notebook.all.map((note) => ({ uri: uriOf(note.id), name: note.title, mimeType: 'text/markdown' })),
    }),
    complete: { id: (start) => notebook.all.map((note) => note.id).filter((id) => id.startsWith(start)) },
  });
  server.registerResource('note', template, { title: 'One note', mimeType: 'text/markdown' }, (uri, { id }) => {
    const note = notebook.get(String(id));
    if (note === undefined) throw new Error(`There is no note ${String(id)}`);
    return { contents: [{ uri: uri.href, mimeType: 'text/markdown', text: `# ${note.title}\n\n${note.text}\n` }] };
  });

  const subscribed = new Set<string>();
  server.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    subscribed.add(params.uri);
    return {};
  });
  server.server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    subscribed.delete(params.uri);
    return {};
  });
  const close = notebook.onChange((uri) => {
    server.sendResourceListChanged();
    for (const changed of [uri, indexUri]) {
      // A client may have left already; its session ends by itself.
      if (subscribed.has(changed)) server.server.sendResourceUpdated({ uri: changed }).catch(() => {});
    }
  });
  return { server, close };
}

function text(content: string): { content: [{ type: 'text'; text: string }] } {
  return { content: [{ type: 'text', text: content }] };
}
