using Mcp.Archive;
using Mcp.Hostile;

namespace Mcp.Tests.Archive;

public class RulesTests
{
    [Test]
    [Arguments("l", "f", true)]
    [Arguments("l", "./f", true)]
    [Arguments("l", "a/b/", true)]
    [Arguments("l", "..", false)]
    [Arguments("l", "../x", false)]
    [Arguments("a/l", "..", true)]
    [Arguments("a/l", "../x", true)]
    [Arguments("a/l", "../../x", false)]
    [Arguments("a/b/l", "../../x", true)]
    [Arguments("a/b/l", "./../.././x", true)]
    [Arguments("a/b/l", "../../../x", false)]
    [Arguments("a/b/l", "c/..", false)]
    [Arguments("a/b/l", "../c/../d", false)]
    [Arguments("a/b/l", "...", true)]
    [Arguments("a/b/l", "..x/y", true)]
    [Arguments("l", "/x", false)]
    public async Task A_link_stays_inside_whatever_other_links_do(string name, string target, bool allowed) =>
        await Assert.That(LinkTarget.Problem(TarForge.Bytes(name), TarForge.Bytes(target)) is null).IsEqualTo(allowed);

    [Test]
    [Arguments("layers/", "layers", true, true)]
    [Arguments("layers/", "layers", false, false)]
    [Arguments("layers/", "a/layers", true, false)]
    [Arguments("layers", "layers", false, true)]
    [Arguments("cache/*.tmp", "cache/a.tmp", false, true)]
    [Arguments("cache/*.tmp", "cache/b/a.tmp", false, false)]
    [Arguments("cache/*", "cache", true, false)]
    [Arguments("**/*.log", "a.log", false, true)]
    [Arguments("**/*.log", "a/b/c.log", false, true)]
    [Arguments("a/**/z", "a/z", false, true)]
    [Arguments("a/**/z", "a/b/c/z", false, true)]
    [Arguments("a/**/z", "b/z", false, false)]
    [Arguments("a/**", "a", true, true)]
    [Arguments("?.db", "x.db", false, true)]
    [Arguments("?.db", ".db", false, false)]
    [Arguments("*", "anything", false, true)]
    [Arguments("a*b*c", "axxbyyc", false, true)]
    [Arguments("a*b*c", "axxbyy", false, false)]
    public async Task A_pattern_is_a_path_from_the_service_on(string pattern, string path, bool directory, bool excluded) =>
        await Assert.That(new ExcludePatterns([pattern]).Excludes(TarForge.Bytes(path), directory)).IsEqualTo(excluded);

    [Test]
    public async Task No_pattern_blows_up()
    {
        // A backtracking matcher would need 2^60 steps for this; the limit is that the test ends.
        var pattern = string.Concat(Enumerable.Repeat("*a", 60)) + "b";
        var name = new string('a', 240);
        await Assert.That(new ExcludePatterns([pattern]).Excludes(TarForge.Bytes(name), directory: false)).IsFalse();
        var deep = string.Join('/', Enumerable.Repeat("**/a", 60)) + "/b";
        await Assert.That(new ExcludePatterns([deep]).Excludes(TarForge.Bytes(string.Join('/', Enumerable.Repeat("a", 200))), directory: false)).IsFalse();
    }

    [Test]
    [Arguments(0L, 0)]
    [Arguments(1L, 1)]
    [Arguments(1_700_000_000L, 123_456_789)]
    [Arguments(-1L, 500_000_000)]
    [Arguments(-2L, 999_999_999)]
    [Arguments(-100L, 0)]
    [Arguments(99_999_999_999L, 5)]
    public async Task A_time_survives(long seconds, int nanoseconds)
    {
        var records = new PaxRecords();
        records.AddTime("mtime", seconds, nanoseconds);
        await Assert.That(PaxRecords.Read(records.ToBytes()).Time("mtime")).IsEqualTo((seconds, nanoseconds));
    }

    [Test]
    public async Task A_record_counts_the_digits_of_its_own_length()
    {
        for (var length = 0; length < 1200; length++)
        {
            var records = new PaxRecords();
            records.Add("path", new byte[length].Select(_ => (byte)'x').ToArray());
            var read = PaxRecords.Read(records.ToBytes()).Find("path");
            if (read?.Length != length)
                Assert.Fail($"a value of {length} bytes came back with {read?.Length}");
        }
        await Assert.That(PaxRecords.Read([]).IsEmpty).IsTrue();
    }
}
