using Mcp.V1;

namespace Mcp.Master.Snapshots;

/// <summary>One archive in the folder; see <c>snapshots</c> in schema.sql.</summary>
internal sealed record SnapshotRow
{
    /// <summary>What people type; 0 before it is stored.</summary>
    public long Id { get; init; }

    /// <summary>Whose: <see cref="SnapshotSubject.Key"/>.</summary>
    public required string Service { get; init; }

    /// <summary>The archive's name.</summary>
    public required string Filename { get; init; }

    /// <summary>Where the data was taken.</summary>
    public required string Node { get; init; }

    /// <summary>Of the data; 0 of node infrastructure.</summary>
    public ulong Epoch { get; init; }

    /// <summary>Of the file.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>Of the file.</summary>
    public required string FileSha256 { get; init; }

    /// <summary>RFC 3339.</summary>
    public required string CreatedAt { get; init; }

    /// <summary>Asked for by a person: never pruned by age.</summary>
    public required bool Manual { get; init; }

    /// <summary>What is true of its uncompressed tar, and what is not in it.</summary>
    public required StreamTrailer Trailer { get; init; }

    /// <summary>When every byte was last read; null: not since it was made.</summary>
    public string? VerifiedAt { get; init; }

    /// <summary>The damage of an archive whose file is not in the folder, as on a new machine that was given the master's state alone.</summary>
    public const string Gone = "its file is not in the snapshot folder";

    /// <summary>What that found wrong; empty: nothing.</summary>
    public string Damage { get; init; } = "";

    /// <summary>There is nothing to read.</summary>
    public bool Missing => Damage == Gone;

    /// <summary>When a restore of it was last proven.</summary>
    public string? DrilledAt { get; init; }

    /// <summary>Files were left out.</summary>
    public bool Partial => Trailer.Partial;

    /// <summary>As it travels.</summary>
    public Snapshot ToMessage()
    {
        var message = new Snapshot
        {
            Id = (ulong)Id,
            ServiceName = Service,
            Node = Node,
            Filename = Filename,
            SizeBytes = (ulong)SizeBytes,
            CreatedAt = CreatedAt,
            Sha256 = Trailer.Sha256,
            Partial = Partial,
            Epoch = Epoch,
            Manual = Manual,
            VerifiedAt = VerifiedAt ?? "",
            DrilledAt = DrilledAt ?? "",
            FileSha256 = FileSha256,
            DataBytes = Trailer.Bytes,
            Entries = Trailer.Entries,
            Damage = Damage,
            Missing = Missing,
        };
        message.Skipped.AddRange(Trailer.Skipped);
        message.Databases.AddRange(Trailer.Databases);
        return message;
    }
}
