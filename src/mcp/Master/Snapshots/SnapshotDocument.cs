using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;
using Google.Protobuf;
using Mcp.Definitions;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Snapshots;

/// <summary>
/// The .json beside an archive: all that the master's database knows of it, so that the folder explains itself, and what ran on the data, so that
/// it can be deployed again from nothing else. Names of files are bytes: one that is no UTF-8 is also given in base64.
/// </summary>
internal sealed record SnapshotDocument(
    int Format, string Service, string Node, ulong Epoch, string CreatedAt, bool Manual, bool Partial, DocumentFile File, DocumentTar Tar,
    IReadOnlyList<DocumentNote> Skipped, IReadOnlyList<DocumentNote> Changed, IReadOnlyList<DocumentDatabase> Databases, IReadOnlyList<DocumentImage> Images,
    string Definition, byte[] Spec)
{
    private const int CurrentFormat = 1;

    /// <summary>Describes an archive.</summary>
    /// <param name="row">The archive.</param>
    /// <param name="spec">What ran on the data; null of infrastructure.</param>
    /// <param name="images">The images that it ran from.</param>
    public static SnapshotDocument Of(SnapshotRow row, ServiceSpec? spec, IEnumerable<ComponentImage> images) => new(
        CurrentFormat, row.Service, row.Node, row.Epoch, row.CreatedAt, row.Manual, row.Partial, new DocumentFile(row.Filename, row.SizeBytes, row.FileSha256),
        new DocumentTar(row.Trailer.Bytes, row.Trailer.Sha256, row.Trailer.Entries), [.. row.Trailer.Skipped.Select(Note)], [.. row.Trailer.Changed.Select(Note)],
        [.. row.Trailer.Databases.Select(d => new DocumentDatabase(Shown(d.Path), Exact(d.Path), d.Bytes, d.Method, d.NotChecked))],
        [.. images.Select(i => new DocumentImage(i.Component, i.Reference, i.Digest))], spec is null ? "" : DefinitionWriter.Write(spec), spec?.ToByteArray() ?? []);

    /// <summary>Reads one; null: it is none, or of a format that this version does not know.</summary>
    public static SnapshotDocument? Read(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.GetProperty("format").GetInt32() == CurrentFormat ? Read(document.RootElement) : null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    /// <summary>Its bytes.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, SnapshotJson.Default.SnapshotDocument);

    /// <summary>The spec of what ran on the data; null: none.</summary>
    public ServiceSpec? ReadSpec() => Spec.Length == 0 ? null : ServiceSpec.Parser.ParseFrom(Spec);

    /// <summary>The row that it describes.</summary>
    public SnapshotRow ToRow()
    {
        var trailer = new StreamTrailer { Sha256 = Tar.Sha256, Bytes = Tar.Bytes, Entries = Tar.Entries, Partial = Partial };
        trailer.Skipped.AddRange(Skipped.Select(Entry));
        trailer.Changed.AddRange(Changed.Select(Entry));
        trailer.Databases.AddRange(Databases.Select(d => new DatabaseCopy { Path = Bytes(d.Path, d.Exact), Bytes = d.Bytes, Method = d.Method, NotChecked = d.NotChecked }));
        return new SnapshotRow
        {
            Service = Service,
            Filename = File.Name,
            Node = Node,
            Epoch = Epoch,
            SizeBytes = File.Bytes,
            FileSha256 = File.Sha256,
            CreatedAt = CreatedAt,
            Manual = Manual,
            Trailer = trailer,
        };
    }

    // By hand, as everywhere here: generated readers are tables that the published file would carry for these few types.
    private static SnapshotDocument Read(JsonElement root)
    {
        var (file, tar) = (root.GetProperty("file"), root.GetProperty("tar"));
        return new SnapshotDocument(
            CurrentFormat, Text(root, "service"), Text(root, "node"), root.GetProperty("epoch").GetUInt64(), Text(root, "createdAt"), root.GetProperty("manual").GetBoolean(),
            root.GetProperty("partial").GetBoolean(), new DocumentFile(Text(file, "name"), file.GetProperty("bytes").GetInt64(), Text(file, "sha256")),
            new DocumentTar(tar.GetProperty("bytes").GetUInt64(), Text(tar, "sha256"), tar.GetProperty("entries").GetUInt64()), Notes(root, "skipped"), Notes(root, "changed"),
            [.. root.GetProperty("databases").EnumerateArray().Select(d => new DocumentDatabase(Text(d, "path"), Text(d, "exact"), d.GetProperty("bytes").GetUInt64(), Text(d, "method"), Text(d, "notChecked")))],
            [.. root.GetProperty("images").EnumerateArray().Select(i => new DocumentImage(Text(i, "component"), Text(i, "reference"), Text(i, "digest")))],
            Text(root, "definition"), root.GetProperty("spec").GetBytesFromBase64());
    }

    private static IReadOnlyList<DocumentNote> Notes(JsonElement root, string name) =>
        [.. root.GetProperty(name).EnumerateArray().Select(n => new DocumentNote(Text(n, "path"), Text(n, "exact"), Text(n, "rule")))];

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString() ?? throw new FormatException($"{name} is missing");

    private static DocumentNote Note(SkippedEntry entry) => new(Shown(entry.Path), Exact(entry.Path), entry.Rule);

    private static SkippedEntry Entry(DocumentNote note) => new() { Path = Bytes(note.Path, note.Exact), Rule = note.Rule };

    private static string Shown(ByteString path) => Utf8.IsValid(path.Span) ? path.ToStringUtf8() : PrintableBytes.Line(path.Span);

    private static string Exact(ByteString path) => Utf8.IsValid(path.Span) ? "" : path.ToBase64();

    private static ByteString Bytes(string shown, string exact) => exact.Length > 0 ? ByteString.FromBase64(exact) : ByteString.CopyFrom(shown, Encoding.UTF8);
}

/// <summary>The file as it lies there.</summary>
internal sealed record DocumentFile(string Name, long Bytes, string Sha256);

/// <summary>The tar that it holds.</summary>
internal sealed record DocumentTar(ulong Bytes, string Sha256, ulong Entries);

/// <summary>An entry that was left out or changed while it was read; <paramref name="Exact"/> is base64, and empty where the path is UTF-8.</summary>
internal sealed record DocumentNote(string Path, string Exact, string Rule);

/// <summary>A database in the archive.</summary>
internal sealed record DocumentDatabase(string Path, string Exact, ulong Bytes, string Method, string NotChecked);

/// <summary>What a component ran from.</summary>
internal sealed record DocumentImage(string Component, string Reference, string Digest);

[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Serialization, WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(SnapshotDocument))]
internal sealed partial class SnapshotJson : JsonSerializerContext;
