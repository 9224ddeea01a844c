using System.Text;
using Mcp.Archive;
using Mcp.Confinement.Work;
using Mcp.Native;

namespace Mcp.Hostile;

/// <summary>
/// What must hold of any bytes that are taken for an archive, however they came to be: refused with a rule, or taken so that nothing leads out, the same comes out
/// when it is archived again, and nothing outside the folder is touched. It knows the rules by their purpose and not by the reader's own code.
/// </summary>
public static class Judge
{
    private static readonly ArchiveLimits Limits = new() { Bytes = 4 << 20, Entries = 2000 };

    /// <summary>Judges a tar.</summary>
    /// <param name="tar">Any bytes.</param>
    /// <param name="scratch">An empty folder of the caller's; it is empty again afterwards.</param>
    /// <returns>Why it was refused; null: it was taken.</returns>
    /// <exception cref="BrokenPromiseException">Something happened that never must. Every other exception but that of a refusal is one, too.</exception>
    public static string? Tar(byte[] tar, string scratch) => Run(() => new MemoryStream(tar), scratch);

    /// <summary>Judges a compressed archive; see <see cref="Tar"/>.</summary>
    public static string? Stored(byte[] compressed, string scratch) => Run(() => new ZstdInput(new MemoryStream(compressed)), scratch);

    /// <summary>Makes the checksums of all header blocks right: a mutation alone would hardly ever find one that is.</summary>
    public static byte[] WithChecksums(ReadOnlySpan<byte> tar)
    {
        var mended = tar.ToArray();
        for (var at = 0; at + TarBlock.Size <= mended.Length; at += TarBlock.Size)
        {
            var block = mended.AsSpan(at, TarBlock.Size);
            if (!block[257..262].SequenceEqual("ustar"u8))
                continue;
            TarNumber.Write(block[148..155], TarBlock.Sum(block));
            block[155] = (byte)' ';
        }
        return mended;
    }

    private static string? Run(Func<Stream> open, string scratch)
    {
        var (entries, refusal) = ReadAll(open);
        foreach (var (entry, _) in entries)
            RequireInside(entry);
        RequireLinksInside(entries.ConvertAll(e => e.Entry));
        if (refusal is null)
            RequireSameAgain(entries);
        return Import(open, scratch, refusal);
    }

    private static (List<(ArchiveEntry Entry, byte[] Content)> Entries, string? Refusal) ReadAll(Func<Stream> open)
    {
        var entries = new List<(ArchiveEntry, byte[])>();
        using var stream = open();
        var reader = new ArchiveReader(stream, Limits);
        try
        {
            while (reader.Next() is { } entry)
            {
                var content = new byte[entry.Size];
                for (var at = 0; at < content.Length;)
                {
                    var read = reader.Read(content.AsSpan(at));
                    at += read > 0 ? read : throw new BrokenPromiseException("content ended before its size without a refusal");
                }
                entries.Add((entry, content));
            }
            return (entries, null);
        }
        catch (ArchiveException e)
        {
            if (string.IsNullOrEmpty(e.Rule) || e.Message.Any(char.IsControl))
                throw new BrokenPromiseException($"a refusal that names no rule, or is no line of text: {e.Message}", e);
            return (entries, e.Message);
        }
    }

    private static void RequireInside(ArchiveEntry entry)
    {
        foreach (var name in entry.Kind == EntryKind.HardLink ? [entry.Name, entry.Target] : (byte[][])[entry.Name])
        {
            var text = Encoding.Latin1.GetString(name);
            if (text.StartsWith('/') || text.Contains('\0') || (text.Length > 0 && text.Split('/').Any(part => part is "" or "." or ".." || part.Length > 255)))
                throw new BrokenPromiseException($"the name {text} was taken");
        }
        if (entry.Mode > 0x1ff || entry.Size < 0 || (entry.Size > 0 && entry.Kind != EntryKind.File) || entry.ModifiedNanoseconds is < 0 or > 999_999_999)
            throw new BrokenPromiseException($"{entry} was taken");
    }

    // Follows every link as the kernel would, in a model of the tree: whatever links meet on the way, nobody may step out of the root.
    private static void RequireLinksInside(List<ArchiveEntry> entries)
    {
        var links = new Dictionary<string, string>();
        foreach (var entry in entries)
        {
            var name = Encoding.Latin1.GetString(entry.Name);
            // Of two with one name the import takes the first and refuses the second.
            if (entry.Kind == EntryKind.SymbolicLink)
                links.TryAdd(name, Encoding.Latin1.GetString(entry.Target));
        }
        foreach (var link in links.Keys)
        {
            var steps = 0;
            var at = new List<string>(link.Split('/')[..^1]);
            // A link below a link is refused by the import, which follows none.
            if (Enumerable.Range(1, at.Count).Any(n => links.ContainsKey(string.Join('/', at.Take(n)))))
                continue;
            Follow(links, at, links[link], ref steps);
        }
    }

    private static void Follow(Dictionary<string, string> links, List<string> at, string target, ref int steps)
    {
        if (target.StartsWith('/'))
            throw new BrokenPromiseException($"the link target {target} was taken");
        foreach (var part in target.Split('/').Where(p => p is not ("" or ".")))
        {
            if (++steps > 200)
                return; // a circle: the kernel says ELOOP
            if (part == "..")
            {
                if (at.Count == 0)
                    throw new BrokenPromiseException($"the link target {target} leads out and was taken");
                at.RemoveAt(at.Count - 1);
                continue;
            }
            at.Add(part);
            if (links.TryGetValue(string.Join('/', at), out var further))
            {
                at.RemoveAt(at.Count - 1);
                Follow(links, at, further, ref steps);
            }
        }
    }

    // What import takes, export can write; and whoever reads that again gets the same.
    private static void RequireSameAgain(List<(ArchiveEntry Entry, byte[] Content)> entries)
    {
        using var again = new MemoryStream();
        var writer = new ArchiveWriter(again);
        try
        {
            foreach (var (entry, content) in entries)
            {
                writer.Begin(entry);
                writer.Write(content);
            }
        }
        catch (ArchiveException e) when (e.Rule.EndsWith("travel", StringComparison.Ordinal))
        {
            return; // a header that was full to its last byte: ours has one record more
        }
        writer.Complete();
        again.Position = 0;
        var (read, refusal) = ReadAll(() => new MemoryStream(again.ToArray()));
        if (refusal is not null && !refusal.Contains("announced or free", StringComparison.Ordinal))
            throw new BrokenPromiseException($"what was taken is refused when it is archived again: {refusal}");
        if (refusal is null && !read.Select(Shown).SequenceEqual(entries.Select(Shown)))
            throw new BrokenPromiseException("what was taken is something else when it is archived again");
    }

    private static string Shown((ArchiveEntry Entry, byte[] Content) read) =>
        $"{read.Entry.Kind} {Convert.ToHexString(read.Entry.Name)} {read.Entry.Mode} {read.Entry.User}:{read.Entry.Group} {read.Entry.ModifiedSeconds}.{read.Entry.ModifiedNanoseconds} "
        + $"{Convert.ToHexString(read.Entry.Target)} {string.Join(' ', read.Entry.Attributes.Select(a => $"{Convert.ToHexString(a.Name)}={Convert.ToHexString(a.Value)}"))} "
        + Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(read.Content));

    private static string? Import(Func<Stream> open, string scratch, string? refusal)
    {
        var (inside, outside) = (Path.Combine(scratch, "staging"), Path.Combine(scratch, "neighbour"));
        Directory.CreateDirectory(inside);
        File.WriteAllText(outside, "untouched");
        var refused = Extract(open, inside);
        // Nothing came but what is removed here, and the neighbour is as it was.
        EraseWork.Do(inside);
        Directory.Delete(inside);
        var untouched = File.Exists(outside) && File.ReadAllText(outside) == "untouched" && new FileInfo(outside) is { LinkTarget: null };
        File.Delete(outside);
        if (!untouched || Directory.EnumerateFileSystemEntries(scratch).Any() || Path.Exists(HostileArchives.Far))
            throw new BrokenPromiseException("something outside the folder was touched");
        if (refusal is not null && refused is null)
            throw new BrokenPromiseException($"the reader refuses ({refusal}), the import does not");
        return refused;
    }

    private static string? Extract(Func<Stream> open, string inside)
    {
        try
        {
            using var folder = Folder.Open(inside);
            using var stream = open();
            new TreeImport(folder, owners: Environment.IsPrivilegedProcess).Run(new ArchiveReader(stream, Limits), CancellationToken.None);
            return null;
        }
        catch (ArchiveException e)
        {
            return e.Message;
        }
    }
}

/// <summary>A promise of the reader that does not hold.</summary>
public sealed class BrokenPromiseException(string what, Exception? inner = null) : Exception(what, inner);
