using Mcp.Agent.Snapshots;
using Mcp.Tests.Master;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Mcp.Tests.Agent.Snapshots;

public class ExportStagingTests
{
    [Test]
    public async Task It_is_gone_with_the_export_and_where_that_fails_as_soon_as_it_can_be()
    {
        using var folder = new TemporaryFolder();
        var clock = new FakeTimeProvider();
        var staging = Path.Combine(folder.Path, ".mcp", "staging");
        string lasting;
        using (var gone = ExportStaging.Create(folder.Path, clock, NullLogger.Instance))
        {
            File.WriteAllText(Path.Combine(gone.Path, "copy-1.db"), "a copy");
            lasting = gone.Path;
        }
        await Assert.That(Directory.Exists(lasting)).IsFalse();

        // A file stands where the folder was: as on a disk that fails, nothing in it can be reached.
        var held = ExportStaging.Create(folder.Path, clock, NullLogger.Instance);
        File.WriteAllText(Path.Combine(held.Path, "copy-1.db"), "a copy");
        Directory.Move(staging, $"{staging}.away");
        File.WriteAllText(staging, "");
        held.Dispose();
        clock.Advance(ExportStaging.Pause);
        File.Delete(staging);
        Directory.Move($"{staging}.away", staging);
        await Assert.That(Directory.Exists(held.Path)).IsTrue();
        await MasterBench.UntilAsync(() =>
        {
            clock.Advance(ExportStaging.Pause);
            return Task.FromResult(!Directory.Exists(held.Path));
        }, "it is removed");
    }
}
