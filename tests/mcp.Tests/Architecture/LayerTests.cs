using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Mcp.Tests.Architecture;

/// <summary>
/// The arrows between the folders of <c>src/mcp</c> point down. Both <c>using</c> lines and qualified names are read: inside
/// <c>namespace Mcp.Agent</c> the name <c>Podman.X</c> resolves without a <c>using</c>.
/// </summary>
public partial class LayerTests
{
    /// <summary>Which folders each folder may name. A new folder is added here on purpose.</summary>
    private static readonly Dictionary<string, string[]> Allowed = Layers();

    [Test]
    public async Task Every_arrow_points_down()
    {
        var broken = new List<string>();
        foreach (var (file, text) in Sources())
        {
            var from = file.Split('/')[0];
            if (!Allowed.TryGetValue(from, out var allowed))
            {
                broken.Add($"{file}: the folder {from} has no layer; add it to {nameof(LayerTests)}");
                continue;
            }
            foreach (var to in Allowed.Keys.Where(k => k != from && !allowed.Contains(k) && Names(text, k, from)))
                broken.Add($"{file}: {from} must not use {to}");
        }
        await Assert.That(broken).IsEmpty();
    }

    [Test]
    public async Task Names_that_say_nothing_are_not_used()
    {
        var hollow = Sources().SelectMany(s => HollowName().Matches(s.Text).Select(m => $"{s.File}: {m.Value}")).ToList();
        await Assert.That(hollow).IsEmpty();
    }

    [Test]
    public async Task No_file_is_longer_than_one_long_journey()
    {
        var long_ = Sources().Where(s => s.Text.Count(c => c == '\n') > 400).Select(s => s.File).ToList();
        await Assert.That(long_).IsEmpty();
    }

    private static bool Names(string text, string folder, string from)
    {
        if (Regex.IsMatch(text, $@"\bMcp\.{folder}\b(?!\w)"))
            return true;
        // A relative qualified name: "Podman.PodmanClient", but not a member access ("x.Podman.") nor a longer namespace.
        return from is "Agent" or "Master" or "Proxy" && folder is "Agent" or "Master" or "Proxy" or "Podman" or "Cli"
            && Regex.IsMatch(text, $@"(?<![\w.""]){folder}\.[A-Z]\w+[({{.;<]");
    }

    private static Dictionary<string, string[]> Layers()
    {
        string[] ground = ["Names", "Errors", "Text", "Files"];
        string[] first = [.. ground, "Toml", "Definitions", "Placement", "Planning", "Podman", "Archive", "Certificates", "Dns", "Sqlite", "Operations", "Native", "Processes", "Alerts", "Confinement"];
        var layers = ground.ToDictionary(f => f, _ => ground);
        layers["Native"] = ground;
        layers["Toml"] = ground;
        layers["Definitions"] = [.. ground, "Toml"];
        layers["Placement"] = ground;
        layers["Planning"] = [.. ground, "Definitions", "Placement"];
        layers["Processes"] = ground;
        layers["Alerts"] = [.. ground, "Processes", "Sqlite"];
        layers["Podman"] = [.. ground, "Processes"];
        layers["Archive"] = [.. ground, "Native"];
        layers["Certificates"] = ground;
        layers["Dns"] = ground;
        // What runs behind the walls reads archives and databases; it knows no roles.
        layers["Confinement"] = [.. ground, "Archive", "Native", "Processes", "Sqlite"];
        layers["Sqlite"] = [.. ground, "Native"];
        layers["Operations"] = ground;
        layers["Transport"] = first;
        layers["Agent"] = [.. first, "Transport"];
        // The master never speaks podman.
        layers["Master"] = [.. first.Where(f => f != "Podman"), "Transport"];
        layers["Proxy"] = [.. first, "Transport"];
        layers["Cli"] = [.. first, "Transport", "Agent", "Master", "Proxy"];
        layers["Program.cs"] = [.. layers["Cli"], "Cli"];
        return layers;
    }

    private static IEnumerable<(string File, string Text)> Sources([CallerFilePath] string here = "")
    {
        var root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../src/mcp"));
        return Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories)
            .Select(f => (File: Path.GetRelativePath(root, f).Replace('\\', '/'), f))
            .Where(f => !f.File.StartsWith("obj/", StringComparison.Ordinal) && !f.File.StartsWith("bin/", StringComparison.Ordinal))
            .Select(f => (f.File, Comment().Replace(File.ReadAllText(f.f), "")));
    }

    [GeneratedRegex(@"^\s*//.*$", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"\b(?:class|record|struct|interface|enum) \w*(?:Manager|Helpers?|Utils?|Common|Impl)\b")]
    private static partial Regex HollowName();
}
