using System.Buffers.Binary;
using Mcp.Native;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Sqlite.Copies;

/// <summary>The first bytes of a SQLite file (sqlite.org/fileformat2.html, 1.3), by which one is known whatever its name is.</summary>
internal static class DatabaseHeader
{
    /// <summary>What SQLite itself keeps beside a database; it is part of the database and never restored without it.</summary>
    public static readonly byte[][] Companions = ["-wal"u8.ToArray(), "-shm"u8.ToArray(), "-journal"u8.ToArray()];

    /// <summary>How the file begins.</summary>
    public static ReadOnlySpan<byte> Magic => "SQLite format 3\0"u8;

    // The last 8 bytes of a rollback journal that belongs to a transaction over several databases (1.6.1): before them stands the name of a super-journal.
    private static ReadOnlySpan<byte> JournalMagic => [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

    /// <summary>Whether an open file is a SQLite database.</summary>
    public static bool IsDatabase(SafeFileHandle file)
    {
        Span<byte> start = stackalloc byte[16];
        return NativeFile.ReadAt(file, start, 0) == start.Length && start.SequenceEqual(Magic);
    }

    /// <summary>Of a name as <c>x.db-wal</c> the database's, <c>x.db</c>; empty: it is no companion's name.</summary>
    public static ReadOnlySpan<byte> BaseOf(ReadOnlySpan<byte> name)
    {
        foreach (var ending in Companions)
        {
            if (name.Length > ending.Length && name.EndsWith(ending))
                return name[..^ending.Length];
        }
        return [];
    }

    /// <summary>The name of the super-journal that a rollback journal ends with; empty: none. A planted one makes SQLite look at, and remove, files elsewhere.</summary>
    public static byte[] SuperJournalOf(SafeFileHandle journal)
    {
        var length = RandomAccess.GetLength(journal);
        Span<byte> end = stackalloc byte[16];
        if (length < 16 || NativeFile.ReadAt(journal, end, length - 16) < 16 || !end[8..].SequenceEqual(JournalMagic))
            return [];
        var name = BinaryPrimitives.ReadUInt32BigEndian(end);
        if (name == 0 || name > 4096 || name > length - 20)
            return [];
        var bytes = new byte[name];
        return NativeFile.ReadAt(journal, bytes, length - 16 - name) == bytes.Length ? bytes : [];
    }

    /// <summary>Says in the file that it is kept with a write-ahead log: a copy is a database of the same kind as its source.</summary>
    public static void MarkAsWal(SafeFileHandle file) => RandomAccess.Write(file, [2, 2], 18);
}
