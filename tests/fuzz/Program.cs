using Mcp.Hostile;
using SharpFuzz;

// One word says what comes on standard input: `tar`, whose checksums are made right first, or `stored`, a .tar.zst as it is. afl-fuzz starts it so.
//   fuzz seeds FOLDER            writes every hostile archive as a seed: FOLDER/tar and FOLDER/stored
//   fuzz replay tar|stored FILE  judges one file as the fuzzer would, and says what came of it
var (memory, broken) = (Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), 0);
switch (args)
{
    case ["tar" or "stored"]:
        Fuzzer.Run(input => Judged(args[0], Read(input)));
        return 0;
    case ["seeds", var folder]:
        WriteSeeds(folder);
        return 0;
    case ["replay", "tar" or "stored", .. var files]:
        foreach (var file in files)
            Console.WriteLine($"{file}: {Judged(args[1], File.ReadAllBytes(file)) ?? "taken"}");
        return 0;
    default:
        Console.Error.WriteLine("usage: fuzz tar|stored < FILE; fuzz seeds FOLDER; fuzz replay tar|stored FILE...");
        return 1;
}

string? Judged(string kind, byte[] input)
{
    var scratch = Path.Combine(memory, $"mcp-fuzz-{Environment.ProcessId}-{broken}");
    Directory.CreateDirectory(scratch);
    try
    {
        return kind == "tar" ? Judge.Tar(Judge.WithChecksums(input), scratch) : Judge.Stored(input, scratch);
    }
    catch
    {
        // What lies there now is evidence, and in the way of the next input.
        broken++;
        throw;
    }
}

static byte[] Read(Stream input)
{
    using var all = new MemoryStream();
    input.CopyTo(all);
    return all.ToArray();
}

// Small ones only: a seed of a megabyte holds up every round and shows nothing that a small one does not.
static void WriteSeeds(string folder)
{
    foreach (var kind in new[] { "tar", "stored" })
        Directory.CreateDirectory(Path.Combine(folder, kind));
    foreach (var (archive, number) in HostileArchives.All.Select((a, n) => (a, n)))
    {
        if (archive.Tar is { Length: > 0 and < 20_000 })
            File.WriteAllBytes(Path.Combine(folder, "tar", $"case-{number:000}"), archive.Tar);
        if (archive.Stored.Length is > 0 and < 4_000)
            File.WriteAllBytes(Path.Combine(folder, "stored", $"case-{number:000}"), archive.Stored);
    }
}
