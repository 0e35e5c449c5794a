namespace Redoubt.Lab.Tests;

public class PlaceTests
{
    [Fact]
    public void A() { }
}
