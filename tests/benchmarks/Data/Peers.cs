using Mcp.EndToEnd.Harness;

namespace Mcp.Benchmarks.Data;

/// <summary>
/// How others do it, each with its defaults. All end with the data on the disk (<c>sync -f</c>), as ours does. What only one of them has is left on: restic
/// encrypts, borg does not here.
/// </summary>
/// <param name="scratch">A folder whose content may go.</param>
internal sealed class Peers(string scratch)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(30);

    private static readonly IReadOnlyDictionary<string, string?> Environment = new Dictionary<string, string?>
    {
        ["RESTIC_PASSWORD"] = "benchmark",
        ["BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK"] = "yes",
        ["BORG_RELOCATED_REPO_ACCESS_IS_OK"] = "yes",
    };

    /// <summary><c>tar | zstd -T0 -3</c> into a file.</summary>
    /// <returns>Bytes of the file.</returns>
    public async Task<long> ArchiveAsync(Corpus corpus)
    {
        var file = Fresh("archive.tar.zst");
        await BashAsync($"tar -C {corpus.Folder} -c . | zstd -q -T0 -3 -o {file} && sync -f {file}");
        var bytes = new FileInfo(file).Length;
        File.Delete(file);
        return bytes;
    }

    /// <summary><c>zstd -d | tar -x</c> into an empty folder.</summary>
    public Task ExtractAsync(string archive)
    {
        var target = FreshFolder("extracted");
        return BashAsync($"zstd -q -d -c {archive} | tar -C {target} -x && sync -f {target}");
    }

    /// <summary><c>tar | zstd | ssh | zstd -d | tar</c>: nothing is verified but by the checksums on the way.</summary>
    public Task PipeAsync(Corpus corpus, SshServer server)
    {
        var target = FreshFolder("piped");
        return BashAsync($"tar -C {corpus.Folder} -c . | zstd -q | {server.Client} {server.Host} 'zstd -q -d | tar -C {target} -x && sync -f {target}'");
    }

    /// <summary><c>rsync -a</c> over ssh into an empty folder.</summary>
    public Task RsyncAsync(Corpus corpus, SshServer server)
    {
        var target = FreshFolder("synced");
        return BashAsync($"rsync -a -e '{server.Client}' {corpus.Folder}/ {server.Host}:{target}/ && sync -f {target}");
    }

    /// <summary><c>restic backup</c> into a new repository.</summary>
    /// <returns>Bytes of the repository.</returns>
    public async Task<long> ResticBackupAsync(Corpus corpus)
    {
        var repository = FreshFolder("restic");
        await BashAsync($"restic init -q --no-cache -r {repository} && restic backup -q --no-cache -r {repository} {corpus.Folder} && sync -f {repository}");
        return await SizeAsync(repository);
    }

    /// <summary><c>restic restore</c> of what was backed up last.</summary>
    public Task ResticRestoreAsync()
    {
        var target = FreshFolder("restored");
        return BashAsync($"restic restore -q --no-cache -r {scratch}/restic latest --target {target} && sync -f {target}");
    }

    /// <summary><c>borg create</c> into a new repository without encryption.</summary>
    /// <returns>Bytes of the repository.</returns>
    public async Task<long> BorgCreateAsync(Corpus corpus)
    {
        var repository = FreshFolder("borg");
        await BashAsync($"export BORG_BASE_DIR={FreshFolder("borg-home")}; borg init -e none {repository} && borg create {repository}::one {corpus.Folder} && sync -f {repository}");
        return await SizeAsync(repository);
    }

    /// <summary><c>borg extract</c>.</summary>
    public Task BorgExtractAsync()
    {
        var target = FreshFolder("restored");
        return BashAsync($"export BORG_BASE_DIR={scratch}/borg-home; cd {target} && borg extract {scratch}/borg::one && sync -f {target}");
    }

    /// <summary>
    /// Puts what the last run left out of the way of the next. It is not removed yet: ext4 does not use the inodes of a removed file again for minutes and looks for others one
    /// by one, which made whoever came after the removal of 100,000 files pay for it (twice the time, all of it the kernel's).
    /// </summary>
    public void Clear()
    {
        foreach (var folder in Directory.GetDirectories(scratch).Where(f => f != Left))
            Directory.Move(folder, Path.Combine(Directory.CreateDirectory(Left).FullName, $"{Directory.GetDirectories(Left).Length}"));
    }

    /// <summary>Removes what was put out of the way, when nothing with many files is measured any more.</summary>
    public void Remove()
    {
        Clear();
        if (Directory.Exists(Left))
            Directory.Delete(Left, recursive: true);
    }

    private string Left => Path.Combine(scratch, "left");

    private static async Task BashAsync(string script) => (await Shell.RunAsync("bash", ["-c", $"set -o pipefail; {script}"], Environment, limit: Limit)).OrThrow();

    private static async Task<long> SizeAsync(string folder) =>
        long.Parse((await Shell.RunAsync("du", ["-sb", folder])).OrThrow().Output.Split('\t')[0], System.Globalization.CultureInfo.InvariantCulture);

    private string Fresh(string name) => Path.Combine(scratch, name);

    private string FreshFolder(string name) => Directory.CreateDirectory(Fresh(name)).FullName;
}
