using System.Text;
using Mcp.Archive;
using Mcp.Errors;
using Mcp.Files;
using Mcp.Master.Configuration;
using Mcp.Sqlite;
using Mcp.V1;

namespace Mcp.Master.Snapshots;

/// <summary>
/// What a new machine needs to be this fleet's master: a consistent copy of <c>master.db</c>, the certificate authority <c>ca/</c> and the
/// configuration <c>mcp-master.toml</c>, as a .tar.zst. Snapshots are not in it, nor the master's own certificate, which a master issues to itself.
/// It holds the fleet's keys: whoever has the file is the fleet.
/// </summary>
internal sealed class MasterState(MasterConfiguration configuration, Database database)
{
    /// <summary>The copy of the database in the archive.</summary>
    public const string DatabaseEntry = "master.db";

    /// <summary>The folder of the authority in the archive.</summary>
    public const string AuthorityEntry = "ca";

    /// <summary>The configuration in the archive; absent where there is no such file.</summary>
    public const string ConfigurationEntry = "mcp-master.toml";

    /// <summary>
    /// Writes the archive to <paramref name="path"/>, mode 0600: temporary file → fsync → rename → fsync of the folder, so that killed anywhere
    /// there is either the whole file or none.
    /// </summary>
    /// <exception cref="McpException">The disk is full, or something of it cannot be read; <paramref name="path"/> is untouched.</exception>
    public StreamTrailer WriteFile(string path, CancellationToken cancellation)
    {
        path = Path.GetFullPath(path);
        var folder = Path.GetDirectoryName(path)!;
        var temporary = Path.Combine(folder, TemporaryName.New(Path.GetFileName(path)));
        try
        {
            StreamTrailer trailer;
            using (var file = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = DurableFile.Secret }))
            {
                trailer = Write(file, cancellation);
                file.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
            DurableFile.SyncFolder(folder);
            return trailer;
        }
        catch (Exception e)
        {
            File.Delete(temporary);
            if (e is IOException or UnauthorizedAccessException)
                throw new McpException(FaultCode.ResourceExhausted, $"the master's state could not be written to {path}", e) { Cause = e.Message, Hint = $"df -h {folder}; ls -ld {folder}" };
            throw;
        }
    }

    /// <summary>Writes the archive to <paramref name="to"/>, which stays open.</summary>
    /// <returns>What is true of its uncompressed tar.</returns>
    /// <exception cref="McpException">The database is damaged or cannot be copied.</exception>
    /// <exception cref="IOException">The disk is full or failed.</exception>
    public StreamTrailer Write(Stream to, CancellationToken cancellation)
    {
        var copy = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(database.Path))!, TemporaryName.New(DatabaseEntry));
        try
        {
            database.CopyTo(copy);
            using var compressed = ZstdOutput.Open(to);
            using var digest = new DigestStream(compressed);
            var writer = new ArchiveWriter(digest);
            Begin(writer, "", configuration.Home, EntryKind.Directory, 0x1c0);
            Begin(writer, AuthorityEntry, configuration.CaFolder, EntryKind.Directory, 0x1c0);
            foreach (var file in Directory.EnumerateFiles(configuration.CaFolder).Where(f => !Path.GetFileName(f).StartsWith('.')).Order(StringComparer.Ordinal))
                Add(writer, $"{AuthorityEntry}/{Path.GetFileName(file)}", file, cancellation);
            Add(writer, DatabaseEntry, copy, cancellation);
            var text = Identity.MasterInit.FileIn(configuration.Home);
            if (File.Exists(text))
                Add(writer, ConfigurationEntry, text, cancellation);
            writer.Complete();
            return new StreamTrailer
            {
                Sha256 = digest.Sha256,
                Bytes = (ulong)digest.Count,
                Entries = (ulong)writer.Entries,
                Databases = { new DatabaseCopy { Path = Google.Protobuf.ByteString.CopyFromUtf8(DatabaseEntry), Bytes = (ulong)new FileInfo(copy).Length, Method = "vacuum" } },
            };
        }
        finally
        {
            File.Delete(copy);
        }
    }

    /// <summary>Removes copies of the database that a killed process left; they are as large as the database.</summary>
    public void RemoveLeftovers()
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(database.Path))!;
        foreach (var file in Directory.GetFiles(folder, TemporaryName.Pattern(DatabaseEntry)))
        {
            if (TemporaryName.IsLeftover(Path.GetFileName(file), DatabaseEntry))
                File.Delete(file);
        }
    }

    private static void Add(ArchiveWriter writer, string name, string file, CancellationToken cancellation)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        // The size of the moment: these files are replaced as a whole, never written in place.
        var left = stream.Length;
        Begin(writer, name, file, EntryKind.File, 0x180, left);
        var buffer = new byte[128 * 1024];
        while (left > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            var read = stream.Read(buffer, 0, (int)Math.Min(buffer.Length, left));
            if (read == 0)
                throw new IOException($"{file} became shorter while it was read");
            writer.Write(buffer.AsSpan(0, read));
            left -= read;
        }
    }

    private static void Begin(ArchiveWriter writer, string name, string path, EntryKind kind, uint mode, long size = 0)
    {
        var modified = File.GetLastWriteTimeUtc(path) - DateTime.UnixEpoch;
        writer.Begin(new ArchiveEntry { Kind = kind, Name = Encoding.UTF8.GetBytes(name), Mode = mode, Size = size, ModifiedSeconds = (long)Math.Floor(modified.TotalSeconds) });
    }
}
