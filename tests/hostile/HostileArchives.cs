namespace Mcp.Hostile;

/// <summary>
/// The kinds of hostile archives, each made as small as shows it. What leads out leads to a <c>neighbour</c> or <c>x</c> beside the folder that is extracted into,
/// or to a name below <c>/tmp</c> that nobody has.
/// </summary>
public static partial class HostileArchives
{
    /// <summary>A path that must never come to be.</summary>
    public const string Far = "/tmp/mcp-nobody-has-this";

    /// <summary>Bytes of content that the cases are judged with: bombs are more.</summary>
    public const long MostBytes = 16 << 20;

    /// <summary>Entries that the cases are judged with.</summary>
    public const long MostEntries = 10_000;

    private static readonly Lazy<IReadOnlyList<HostileArchive>> Made = new(() =>
        [.. Paths(), .. Links(), .. HardLinks(), .. Twice(), .. Types(), .. Numbers(), .. Extended(), .. Shapes(), .. Bombs(), .. Streams(), .. Odd()]);

    private static readonly string Deep = string.Join('/', Enumerable.Repeat("d", 300));

    private static readonly string Long = new('n', 300);

    /// <summary>All of them, made once.</summary>
    public static IReadOnlyList<HostileArchive> All => Made.Value;

    private static TarForge New() => new TarForge().Folder("./");

    private static HostileArchive Case(string name, string rule, TarForge tar) => HostileArchive.Of(name, rule, tar.End());

    // An entry as the content of another one.
    private static string Within(string name) => System.Text.Encoding.Latin1.GetString(new TarForge().Entry(name, content: "x").End(marks: 0));
}
