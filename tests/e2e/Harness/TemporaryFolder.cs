namespace Mcp.EndToEnd.Harness;

/// <summary>A folder of one test's own, removed with everything in it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    /// <summary>Its absolute path: short, since Unix socket paths below it may have at most 107 bytes.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("mcpt-").FullName;

    /// <summary>A path inside it.</summary>
    public string PathOf(string relative) => System.IO.Path.Combine(Path, relative);

    public void Dispose()
    {
        // What a killed role or podman started may still be writing its last words; that must not stand before the test's own failure.
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                Directory.Delete(Path, recursive: true);
                return;
            }
            catch (DirectoryNotFoundException)
            {
                return;
            }
            catch (IOException) when (attempt < 20)
            {
                DetachMounts();
                Thread.Sleep(100);
            }
        }
    }

    // A podman that was still clearing up behind a container mounts its store once more after all was unmounted.
    private void DetachMounts()
    {
        var below = File.ReadLines("/proc/self/mounts").Select(line => line.Split(' ')[1]).Where(mount => mount.StartsWith($"{Path}/", StringComparison.Ordinal));
        foreach (var mount in below.OrderDescending(StringComparer.Ordinal).ToList())
        {
            using var umount = System.Diagnostics.Process.Start("umount", ["-l", mount]);
            umount.WaitForExit(10_000);
        }
    }
}
