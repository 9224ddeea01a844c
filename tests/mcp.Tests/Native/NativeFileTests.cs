using System.Text;
using Mcp.Native;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Tests.Native;

public class NativeFileTests
{
    [Test]
    public async Task Attributes_come_back_whatever_their_number_and_length()
    {
        using var folder = new TemporaryFolder();
        using var file = Open(folder, [1]);
        await Assert.That(NativeFile.AttributeNames(file)).IsEmpty();

        // Names of more than a kilobyte together, and a value longer than that: both are asked for again with more room.
        var names = Enumerable.Range(0, 10).Select(i => $"user.{i}{new string('n', 120)}").ToList();
        foreach (var name in names)
            NativeFile.SetAttribute(file, Encoding.ASCII.GetBytes(name), "v"u8);
        var value = new byte[1500];
        Random.Shared.NextBytes(value);
        NativeFile.SetAttribute(file, "user.long"u8, value);
        NativeFile.SetAttribute(file, "user.empty"u8, []);

        await Assert.That(NativeFile.AttributeNames(file).Select(Encoding.ASCII.GetString).Order(StringComparer.Ordinal))
            .IsEquivalentTo(names.Append("user.empty").Append("user.long").Order(StringComparer.Ordinal));
        await Assert.That(NativeFile.Attribute(file, "user.long"u8).SequenceEqual(value)).IsTrue();
        await Assert.That(NativeFile.Attribute(file, Encoding.ASCII.GetBytes(names[3]))).IsEquivalentTo("v"u8.ToArray());
        await Assert.That(NativeFile.Attribute(file, "user.empty"u8)).IsEmpty();
        await Assert.That(() => NativeFile.Attribute(file, "user.none"u8)).Throws<PathFault>();
    }

    [Test]
    public async Task Reading_at_a_place_gives_what_is_there_and_names_the_errno_of_a_refusal()
    {
        using var folder = new TemporaryFolder();
        using var file = Open(folder, [1, 2, 3, 4, 5]);
        var buffer = new byte[3];
        await Assert.That(NativeFile.ReadAt(file, buffer, 1)).IsEqualTo(3);
        await Assert.That(buffer).IsEquivalentTo(new byte[] { 2, 3, 4 });
        await Assert.That(NativeFile.ReadAt(file, buffer, 4)).IsEqualTo(1);
        await Assert.That(NativeFile.ReadAt(file, buffer, 5)).IsEqualTo(0);

        // A folder cannot be read: EISDIR.
        using var no = Folder.Open(folder.Path);
        var refused = await Assert.That(() => NativeFile.ReadAt(no.Handle, buffer, 0)).Throws<IOException>();
        await Assert.That(refused!.HResult).IsEqualTo(21);
    }

    private static SafeFileHandle Open(TemporaryFolder folder, byte[] content)
    {
        var path = Path.Combine(folder.Path, "file");
        File.WriteAllBytes(path, content);
        return File.OpenHandle(path, access: FileAccess.ReadWrite);
    }
}
