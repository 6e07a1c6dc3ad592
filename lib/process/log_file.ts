// A file that is moved aside when it is full: FILE, FILE.1 (newer), FILE.2 …

/** Options of {@linkcode createRotatingFile}. */
export interface RotatingFileOptions {
  path: string;
  /** Largest size of one file, in bytes; no file is ever larger. Default 10 MiB, at least 1. */
  maxBytes?: number;
  /** How many full files are kept beside the one that is written. Default 10; 0: none. */
  backups?: number;
}

/** A file that is moved aside when it is full. */
export interface RotatingFile extends Disposable {
  readonly path: string;
  /**
   * Appends, at once and in order. Bytes are cut between files only where one write does not fit,
   * behind its last newline that does if there is one.
   *
   * @throws {Error} If the disk is full or the file cannot be written; what was not written is lost,
   * and the next write tries again.
   */
  write(bytes: Uint8Array): void;
}

const NEWLINE = 10;

/**
 * Opens a file for appending, with its folders; an existing one is continued.
 *
 * @throws {Error} `Cannot write …` with the operating system's reason as `cause`.
 */
export function createRotatingFile(options: RotatingFileOptions): RotatingFile {
  const { path, maxBytes = 10 * 1024 * 1024, backups = 10 } = options;
  const limit = Math.max(1, maxBytes);
  let file: Deno.FsFile | undefined;
  let size = 0;

  function failed(cause: unknown): Error {
    return new Error(`Cannot write ${path}: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }

  function open(): Deno.FsFile {
    try {
      const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
      if (folder !== "") Deno.mkdirSync(folder, { recursive: true });
      file = Deno.openSync(path, { append: true, create: true });
      size = file.statSync().size;
      return file;
    } catch (error) {
      throw failed(error);
    }
  }

  function rotate(): void {
    file?.close();
    file = undefined;
    for (let i = backups; i >= 1; i--) {
      const from = i === 1 ? path : `${path}.${i - 1}`;
      try {
        Deno.renameSync(from, `${path}.${i}`);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw failed(error);
      }
    }
    if (backups > 0) return;
    try {
      Deno.truncateSync(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw failed(error);
    }
  }

  function append(bytes: Uint8Array): void {
    const out = file ?? open();
    try {
      for (let done = 0; done < bytes.length;) {
        const count = out.writeSync(bytes.subarray(done));
        done += count;
        size += count;
      }
    } catch (error) {
      throw failed(error);
    }
  }

  return {
    path,
    write(bytes) {
      let rest = bytes;
      while (rest.length > 0) {
        if (file === undefined) open();
        const room = limit - size;
        if (rest.length <= room) return append(rest);
        // Cut behind the last newline that fits; a line longer than a whole file is cut anywhere.
        let cut = rest.subarray(0, Math.max(0, room)).lastIndexOf(NEWLINE) + 1;
        if (cut === 0 && size === 0) cut = limit;
        if (cut > 0) append(rest.subarray(0, cut));
        rest = rest.subarray(cut);
        rotate();
      }
    },
    [Symbol.dispose]() {
      file?.close();
      file = undefined;
    },
  };
}
