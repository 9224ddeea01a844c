using Mcp.Native;
using Mcp.Sqlite.Copies;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Confinement.Work;

/// <summary>What an export takes of a folder's regular files, and which of them are databases.</summary>
/// <param name="root">The folder, for a look at the database that a log's name speaks of.</param>
/// <param name="essentials">Only configuration (<c>*.toml</c>), certificates (<c>*.pem</c>), <c>*.db</c> and every SQLite file.</param>
internal sealed class FileSelection(Folder root, bool essentials)
{
    /// <summary>Of a <c>*.db</c> that is no SQLite file, for <c>DatabaseCopy.not_checked</c>.</summary>
    public const string OtherKind = "is no SQLite database by its first bytes (encrypted, or of another kind): archived as it was read";

    /// <summary>What a file is to an export.</summary>
    public FileRole RoleOf(ReadOnlySpan<byte> name, SafeFileHandle file, in FileStatus status)
    {
        if (status.Size > 0 && DatabaseHeader.IsDatabase(file))
            return FileRole.Database;
        if (DatabaseHeader.BaseOf(name) is { Length: > 0 } database && IsDatabase(database))
            return FileRole.PartOfDatabase;
        if (name.EndsWith(".db"u8))
            return status.Size > 0 ? FileRole.OtherDatabase : FileRole.Plain;
        return !essentials || name.EndsWith(".toml"u8) || name.EndsWith(".pem"u8) ? FileRole.Plain : FileRole.NotTaken;
    }

    private bool IsDatabase(ReadOnlySpan<byte> name)
    {
        try
        {
            using var file = root.OpenFile(name);
            return NativeFile.StatusOf(file).IsFile && DatabaseHeader.IsDatabase(file);
        }
        catch (PathFault)
        {
            // None, or none that we would open.
            return false;
        }
    }
}

/// <summary>See <see cref="FileSelection.RoleOf"/>.</summary>
internal enum FileRole
{
    /// <summary>Archived as it is.</summary>
    Plain,

    /// <summary>A SQLite database: a copy is archived.</summary>
    Database,

    /// <summary>A log or journal beside one: what it holds is in the copy.</summary>
    PartOfDatabase,

    /// <summary>Called <c>.db</c>, but no SQLite: archived as it is, with a note.</summary>
    OtherDatabase,

    /// <summary>Not of the kinds that were asked for.</summary>
    NotTaken,
}
