using Mcp.Definitions;

namespace Mcp.Tests.Definitions;

/// <summary>What a person may write for a file of a service.</summary>
internal sealed class ServicePathTests
{
    [Test]
    [Arguments("app.toml", "app.toml")]
    [Arguments("/srv/notes/conf/app.toml", "conf/app.toml")]
    [Arguments("conf/.env", "conf/.env")]
    [Arguments("-rf", "-rf")]
    [Arguments("srv/notes/x", "srv/notes/x")]
    [Arguments("ünïcode/ file ", "ünïcode/ file ")]
    [Arguments("...", "...")]
    public async Task It_is_read_below_the_services_folder(string text, string relative)
    {
        await Assert.That(ServicePath.TryParse("notes", text, out var path, out var problem)).IsTrue().Because(problem ?? "");
        await Assert.That(path!.Relative).IsEqualTo(relative);
        await Assert.That(path.Logical).IsEqualTo($"/srv/notes/{relative}");
    }

    public static IEnumerable<string> Hostile() =>
    [
        "", "/", "/srv/notes/", "/srv/notes", "/srv/notes2/x", "/srv/other/x", "/etc/passwd", "//srv/notes/x", "..", "../x", "a/../../x", "a/..", ".", "./x", "a/./b", "a//b", "dir/",
        ".mcp-owner", "sub/.mcp-owner", "/srv/notes/.mcp-owner", "x\0y", "x\ny", "x\u001b[2Jy", "\u0085",
        new string('n', 256), string.Join('/', Enumerable.Repeat("d", 33)), string.Join('/', Enumerable.Repeat(new string('n', 200), 11)),
    ];

    [Test]
    [MethodDataSource(nameof(Hostile))]
    public async Task What_could_lead_elsewhere_is_refused_in_words(string text)
    {
        await Assert.That(ServicePath.TryParse("notes", text, out _, out var problem)).IsFalse();
        await Assert.That(problem).IsNotNull();
        await Assert.That(problem!.Any(char.IsControl)).IsFalse();
    }
}
